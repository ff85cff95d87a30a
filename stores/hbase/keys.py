"""Row keys: two hex digits of a stable hash spread the entities evenly over the regions."""

from collections.abc import Sequence
from zlib import crc32

_PREFIXES = tuple(f"{value:02x}:".encode() for value in range(256))


def row_key(entity: str) -> bytes:
    """`hh:entity` in UTF-8, hh the low byte of the id's CRC-32 in hex."""
    encoded = entity.encode()
    return _PREFIXES[crc32(encoded) & 0xFF] + encoded


def entity_of(key: bytes) -> str:
    """The entity id of a row key."""
    return key[3:].decode()


def prefix_range(prefix: int) -> tuple[bytes, bytes]:
    """First key of the rows with prefix 0 to 255, and the first one after them."""
    return b"%02x:" % prefix, b"%02x;" % prefix  # ";" follows ":"


def split_keys(regions: int) -> Sequence[str]:
    """Split points that cut the 256 prefixes into `regions` equal regions (1 to 256)."""
    if not 1 <= regions <= 256:
        raise ValueError(f"hbase.regions is {regions}, expected 1 to 256")
    return [f"{256 * region // regions:02x}" for region in range(1, regions)]
