"""Large contents of events, such as images: where they are stored, and how a field is read.

An event's attachment is stored once, by the digest of its content; the archive keeps the reference
`sha256:DIGEST` in its place. A kind of attachment decides what its content is: an image's is its
pixels, so the same picture as PNG, JPEG or DICOM is one content.
"""

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
# Rows of a field's figures (n, k) to the log-odds (n,) of a model's score.
ScoreOfFigures = Callable[[Floats], Floats]

REFERENCE = "sha256:"
_DIGEST = re.compile(r"[0-9a-f]{64}")
_REFERENCE_AS_JSON = re.compile(rb'"sha256:([0-9a-f]{64})"')


@dataclass(frozen=True)
class Content:
    """What is stored of an attachment: its digest (64 hex digits), and bytes that identify nobody.

    media_type: of the bytes, as in HTTP
    """

    digest: str
    stored: bytes
    media_type: str

    @property
    def reference(self) -> str:
        """What stands for it in an event."""
        return REFERENCE + self.digest


@dataclass(frozen=True)
class Reading:
    """A valid attachment: its figures in the order of their declaration, and its content.

    is_new: the event carried it; False when it is from the store
    """

    figures: tuple[float, ...]
    content: Content
    is_new: bool


class AttachmentSource(Protocol):
    """Where contents are read from by their digests."""

    def contents(self, digests: Iterable[str]) -> Mapping[str, bytes]:
        """Digest → what is stored of it; digests that the store does not have are left out."""
        ...


class NothingStored:
    """The source where every event carries its attachments itself."""

    def contents(self, digests: Iterable[str]) -> Mapping[str, bytes]:
        """Nothing."""
        return {}


class AttachmentReader(Protocol):
    """Reads one attachment field; the same content gives the same figures to the bit."""

    def read(self, text: str) -> "Reading | tuple[str, str]":
        """The attachment in the field's string, or a reason code and a sentence."""
        ...

    def content_of(self, raw: bytes, media_type: str) -> "Content | tuple[str, str]":
        """What is stored of a file that was sent, or a reason code and a sentence."""
        ...

    def shown(self, text: str) -> bytes | None:
        """What people can be shown of the field's string, in the form in which it would be stored.

        Also where `read` refuses it, such as a blank image; None where there is nothing to show.
        """
        ...


class AttachmentExplainer(Protocol):
    """Shows which part of a content moved a score."""

    def figures(self, stored: bytes) -> Floats:
        """The field's figures (k,) of a stored content, as the stream computed them."""
        ...

    def overlay(self, stored: bytes, score: ScoreOfFigures) -> bytes | None:
        """A PNG of the content in which colours show what raises `score`; None: nothing does."""
        ...


def digest_in(text: str) -> str | None:
    """The digest of a reference; None when `text` is none."""
    digest = text.removeprefix(REFERENCE)
    return digest if text.startswith(REFERENCE) and _DIGEST.fullmatch(digest) else None


def digests_in(event: bytes) -> list[str]:
    """Digests of what the JSON text `event` probably refers to, for reading them together."""
    return [digest.decode() for digest in _REFERENCE_AS_JSON.findall(event)]
