"""The original of a key or a value that a reader has cut."""

from dataclasses import dataclass


@dataclass(frozen=True)
class CutBytes:
    """Length and SHA-256 (lower-case hex) of the original."""

    length: int
    sha256: str
