"""What is attached to events, such as images: stored once by digest, with who refers to it.

A row is one content: its bytes and their media type in family `c`, and in family `r` a column for
each (scenario, entity) that refers to it, with the position of the event that does. Cells carry
HBase's own time: a delete marker at a fixed stamp would hide the same picture when somebody sends
it later.
"""

from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from threading import Lock
from typing import Any

from stores.hbase.connection import HBaseStore, Session
from stores.hbase.tables import ATTACHMENTS

CONTENT = b"c:content"
MEDIA_TYPE = b"c:type"
REFERENCES = b"r"
# A call of so many bytes or rows ends well within the socket's timeout.
_BYTES_PER_CALL = 4 << 20
_ROWS_PER_CALL = 1_000
# Contents have megabytes at most, and one answer of the gateway is held whole.
_CONTENTS_PER_CALL = 32


@dataclass(frozen=True, kw_only=True)
class StoredAttachment:
    """One content and an event of an entity that refers to it.

    digest: 64 hex digits; stored: bytes of the media type `media_type`; position: the event's
    stamp; event_ms: its own time
    """

    digest: str
    stored: bytes
    media_type: str
    entity: str
    partition: int
    position: int
    event_ms: int


@dataclass(frozen=True, kw_only=True)
class Reference:
    """Who refers to a content: the newest event of an entity that does."""

    scenario: str
    entity: str
    partition: int
    position: int
    event_ms: int


def every_reference(_: Reference) -> bool:
    """All references of an entity."""
    return True


@dataclass(frozen=True, kw_only=True)
class Forgotten:
    """What an erasure finds: references of the entities, and contents that only they refer to."""

    references: int = 0
    contents: int = 0


@dataclass(frozen=True)
class AttachmentTable:
    """The contents of all scenarios, over a session; every call raises `StoreDown`,
    `TableMissing`.
    """

    session: Session

    def put(self, scenario: str, attachments: Sequence[StoredAttachment]) -> int:
        """Write who refers to `attachments`, then the contents that the table lacks; their number.

        Idempotent: the same call again writes references again and no content. References come
        first: an erasure that deletes a content at the same moment finds them and puts it back.
        """
        references = {(a.digest, a.entity): a for a in attachments}  # of several the last
        for part in _parts(list(references.values()), _ROWS_PER_CALL):
            self.session.call(partial(_refer, scenario, part))
        known = self.known(a.digest for a in attachments)
        new = {a.digest: a for a in attachments if a.digest not in known}
        for contents in _calls(list(new.values())):
            self.session.call(partial(_write, contents))
        return len(new)

    def known(self, digests: Iterable[str]) -> frozenset[str]:
        """Those of `digests` whose content is stored."""
        found: set[str] = set()
        for part in _parts(sorted(set(digests)), _ROWS_PER_CALL):
            rows = self._rows(part, [MEDIA_TYPE])
            found.update(digest for digest, cells in rows.items() if MEDIA_TYPE in cells)
        return frozenset(found)

    def contents(self, digests: Iterable[str]) -> Mapping[str, bytes]:
        """Digest → what is stored of it; digests that the table does not have are left out."""
        found: dict[str, bytes] = {}
        for part in _parts(list(dict.fromkeys(digests)), _CONTENTS_PER_CALL):
            rows = self._rows(part, [CONTENT])
            found.update((digest, cells[CONTENT]) for digest, cells in rows.items())
        return found

    def referring(self, digest: str) -> frozenset[Reference]:
        """All that refer to `digest`."""
        cells = self._rows([digest], [REFERENCES]).get(digest, {})
        return frozenset(_reference(column, cell) for column, cell in cells.items())

    def forget(
        self,
        scenario: str,
        entities: Sequence[str],
        *,
        covers: Callable[[Reference], bool] = every_reference,
        is_dry: bool = False,
    ) -> Forgotten:
        """Delete those references of `entities` that `covers` names, and contents without others.

        is_dry: count only. The bytes leave HBase's files with the next major compaction.
        """
        names = [_column(scenario, entity) for entity in entities]
        references = contents = 0
        for digest, cells in self._referred(names):
            columns = [name for name, cell in cells.items() if covers(_reference(name, cell))]
            if not columns:
                continue
            others = {_column(other.scenario, other.entity) for other in self.referring(digest)}
            is_last = others <= set(columns)
            references += len(columns)
            contents += is_last
            if not is_dry:
                self._forget(digest, columns, keeps_content=not is_last)
        return Forgotten(references=references, contents=contents)

    def _forget(self, digest: str, columns: Sequence[bytes], *, keeps_content: bool) -> None:
        def delete(connection: Any, names: Sequence[bytes]) -> None:
            connection.table(ATTACHMENTS).delete(digest.encode(), columns=names)

        # The content goes first: were this killed in between, the references would find it again.
        if not keeps_content:
            cells = self._rows([digest], [CONTENT, MEDIA_TYPE]).get(digest, {})
            self.session.call(lambda connection: delete(connection, [CONTENT, MEDIA_TYPE]))
        self.session.call(lambda connection: delete(connection, columns))
        if not keeps_content and cells and self.referring(digest):
            # Somebody has sent the same picture since: it is theirs.
            self.session.call(
                lambda connection: connection.table(ATTACHMENTS).put(digest.encode(), cells)
            )

    def _referred(self, columns: Sequence[bytes]) -> Iterator[tuple[str, dict[bytes, bytes]]]:
        """Digest and those of `columns` that it has, with their cells; all that have one.

        One call per key prefix: a call that finds nothing in a whole table takes too long.
        """
        for prefix in range(256 if columns else 0):
            begin, end = f"{prefix:02x}".encode(), f"{prefix + 1:02x}".encode()
            stop = end if prefix < 255 else None

            def scan(connection: Any, begin: bytes = begin, stop: bytes | None = stop) -> Any:
                table = connection.table(ATTACHMENTS)
                rows = table.scan(row_start=begin, row_stop=stop, columns=columns)
                return [(key.decode(), cells) for key, cells in rows]

            yield from self.session.call(scan)

    def _rows(
        self, digests: Sequence[str], columns: Sequence[bytes]
    ) -> dict[str, dict[bytes, bytes]]:
        keys = [digest.encode() for digest in digests]
        rows = self.session.call(
            lambda connection: connection.table(ATTACHMENTS).rows(keys, columns=columns)
        )
        return {key.decode(): cells for key, cells in rows}


@dataclass(frozen=True)
class AttachmentPlace:
    """Where contents are: a recipe that travels and is opened on the worker.

    retry_seconds   how long a call waits for HBase
    cached_bytes    of contents that a source holds, the latest ones
    """

    store: HBaseStore
    retry_seconds: float
    cached_bytes: int = 64 << 20

    def table(self) -> AttachmentTable:
        """The table over a session of its own, which connects with the first call."""
        return AttachmentTable(Session(self.store, self.retry_seconds))

    def source(self) -> "CachedContents":
        """Where a decoder reads contents from (`features.attachments.AttachmentSource`)."""
        return CachedContents(self.table(), self.cached_bytes)


@dataclass
class CachedContents:
    """Contents of the table, the latest ones from memory; threads may share it."""

    table: AttachmentTable
    most_bytes: int
    _held: OrderedDict[str, bytes] = field(default_factory=OrderedDict, repr=False)
    _size: int = 0
    _turn: Lock = field(default_factory=Lock, repr=False)

    def contents(self, digests: Iterable[str]) -> Mapping[str, bytes]:
        """As `AttachmentTable.contents`."""
        wanted = list(dict.fromkeys(digests))
        with self._turn:
            found = {digest: self._held[digest] for digest in wanted if digest in self._held}
            for digest in found:
                self._held.move_to_end(digest)
        absent = [digest for digest in wanted if digest not in found]
        if absent:
            read = self.table.contents(absent)
            found.update(read)
            with self._turn:
                self._hold(read)
        return found

    def _hold(self, contents: Mapping[str, bytes]) -> None:
        for digest, content in contents.items():
            self._size += len(content) - len(self._held.pop(digest, b""))
            self._held[digest] = content
        while self._size > self.most_bytes:
            _, content = self._held.popitem(last=False)
            self._size -= len(content)


def _column(scenario: str, entity: str) -> bytes:
    return REFERENCES + f":{scenario}:{entity}".encode()


def _reference(column: bytes, cell: bytes) -> Reference:
    scenario, _, entity = column.decode().partition(":")[2].partition(":")
    partition, position, event_ms = map(int, cell.split(b":"))
    return Reference(
        scenario=scenario,
        entity=entity,
        partition=partition,
        position=position,
        event_ms=event_ms,
    )


def _refer(scenario: str, attachments: Sequence[StoredAttachment], connection: Any) -> None:
    batch = connection.table(ATTACHMENTS).batch()
    for one in attachments:
        cell = f"{one.partition}:{one.position}:{one.event_ms}".encode()
        batch.put(one.digest.encode(), {_column(scenario, one.entity): cell})
    batch.send()


def _write(attachments: Sequence[StoredAttachment], connection: Any) -> None:
    batch = connection.table(ATTACHMENTS).batch()
    for attachment in attachments:
        cells = {CONTENT: attachment.stored, MEDIA_TYPE: attachment.media_type.encode()}
        batch.put(attachment.digest.encode(), cells)
    batch.send()


def _parts(items: Sequence[Any], size: int) -> Iterator[Sequence[Any]]:
    for begin in range(0, len(items), size):
        yield items[begin : begin + size]


def _calls(attachments: Sequence[StoredAttachment]) -> Iterator[list[StoredAttachment]]:
    """In order, as many at once as `_BYTES_PER_CALL` allow, one at least."""
    part: list[StoredAttachment] = []
    size = 0
    for attachment in attachments:
        if part and size + len(attachment.stored) > _BYTES_PER_CALL:
            yield part
            part, size = [], 0
        part.append(attachment)
        size += len(attachment.stored)
    if part:
        yield part
