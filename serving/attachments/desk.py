"""What the service does with the attachments of one scenario."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from threading import Lock
from typing import Protocol

from features.attachments import REFERENCE, AttachmentReader, Content, digest_in
from features.schema import Attachment
from scenarios.contract.scenario import Scenario
from serving.attachments.overlays import Overlays


class AttachmentFiles(Protocol):
    """The stored contents to which a scenario's events refer."""

    def contents(self, digests: Iterable[str]) -> Mapping[str, bytes]:
        """Digest → what is stored of it; raises `StoreDown` or `TableMissing`."""
        ...

    def is_referred(self, digest: str) -> bool:
        """Whether an event of the scenario refers to it."""
        ...

    def put(self, content: Content, entity: str) -> None:
        """Store a content that an event of `entity` will refer to; idempotent."""
        ...


class ContentRefused(ValueError):
    """A file breaks the rules of its field; `code` as in a dead letter."""

    exit_code = 2

    def __init__(self, code: str, sentence: str) -> None:
        super().__init__(sentence)
        self.code = code


class NoSuchField(LookupError):
    """The scenario's events have no attachment of this name."""


@dataclass
class AttachmentDesk:
    """The attachments of `scenario`, for many threads.

    overlays  what in a content moved a case's score
    """

    scenario: Scenario
    files: AttachmentFiles
    overlays: Overlays
    _readers: dict[str, AttachmentReader] = field(default_factory=dict, repr=False)
    _turn: Lock = field(default_factory=Lock, repr=False)

    @property
    def fields(self) -> Mapping[str, Attachment]:
        """Name → declaration."""
        return self.scenario.schema.attachments

    def content(self, digest: str) -> bytes | None:
        """What is stored under `digest`; None where no event of the scenario refers to it."""
        if not self.files.is_referred(digest):
            return None
        return self.files.contents([digest]).get(digest)

    def media_type(self, name: str = "") -> str:
        """Of stored contents of the field `name`; without one, of all fields where they agree."""
        if name in self.fields:
            return self.fields[name].stored_as
        kinds = {attachment.stored_as for attachment in self.fields.values()}
        return kinds.pop() if len(kinds) == 1 else "application/octet-stream"

    def stored(self, name: str, raw: bytes, media_type: str, entity: str) -> Content:
        """Store a file for an event of `entity`; raises `NoSuchField` or `ContentRefused`."""
        content = self._reader(name).content_of(raw, media_type)
        if isinstance(content, tuple):
            raise ContentRefused(*content)
        self.files.put(content, entity)
        return content

    def shown(self, strings: Mapping[str, str]) -> Mapping[str, str]:
        """Of an event's strings those of attachments that people can be shown."""
        return {
            name: text
            for name, text in strings.items()
            if name in self.fields and self.picture(name, text) is not None
        }

    def picture(self, name: str, text: str) -> bytes | None:
        """What people can be shown of the field's string; None: nothing."""
        return self._reader(name).shown(text)

    def _reader(self, name: str) -> AttachmentReader:
        if name not in self.fields:
            raise NoSuchField(
                f"events of {self.scenario.name} have no attachment {name[:100]!r}; "
                f"there is: {', '.join(sorted(self.fields)) or 'none'}"
            )
        with self._turn:
            if name not in self._readers:
                self._readers[name] = self.fields[name].reader(self.files)
            return self._readers[name]


def reference_in(text: str) -> str | None:
    """The digest to which a field's string refers; None where it is the content itself."""
    return digest_in(text) if text.startswith(REFERENCE) else None
