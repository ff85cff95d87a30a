"""What is known of a key or a value of which a reader has passed on the beginning only."""

from dataclasses import dataclass


@dataclass(frozen=True)
class CutBytes:
    """Length and SHA-256 (lower-case hex) of the original."""

    length: int
    sha256: str
