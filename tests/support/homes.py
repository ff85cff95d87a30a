"""The partition in which a producer puts a key, for tests without a broker."""

from features.byte_column import ByteColumn
from features.events.partitioners import MURMUR2, home_partitions


def home_of(key: bytes | str, *, partitions: int = 2, partitioner: str = MURMUR2) -> int:
    """The home partition of `key`."""
    encoded = key.encode() if isinstance(key, str) else key
    return int(home_partitions(ByteColumn.of([encoded]), partitioner, partitions)[0])


def keys_of(
    partition: int, count: int, *, partitions: int = 2, partitioner: str = MURMUR2
) -> list[str]:
    """The first `count` of "k0", "k1", … whose home is `partition`."""
    keys: list[str] = []
    number = 0
    while len(keys) < count:
        key = f"k{number}"
        if home_of(key, partitions=partitions, partitioner=partitioner) == partition:
            keys.append(key)
        number += 1
    return keys
