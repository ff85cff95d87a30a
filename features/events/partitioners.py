"""Which partition a record belongs in: an event counts in its key's home partition only.

The order of an entity's events is that of their offsets, and offsets of two partitions have no
order. So each key has one home: the partition where the scenario's declared partitioner puts it
among the partitions that the topic has in that epoch.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from features.byte_column import ByteColumn
from features.events.partition_kernel import crc32_partitions, crc_table, murmur2_partitions

# As Java's producer, kafka-python, franz-go, KafkaJS and librdkafka's `murmur2_random` place a key.
MURMUR2 = "murmur2"
# As librdkafka places a key by default (`consistent_random`).
CRC32 = "crc32"
# By a rule of the producers' own: the first partition in which a key is seen is its home.
CUSTOM = "custom"
PARTITIONERS = (MURMUR2, CRC32, CUSTOM)

_MAX_SHOWN = 60
_SETTINGS = {
    MURMUR2: "set partitioner=murmur2_random in the producer if its client is librdkafka's",
    CRC32: "the scenario declares librdkafka's default, partitioner=consistent_random; other "
    "clients need a CRC-32 partitioner",
    CUSTOM: "a producer must send a key to one partition always",
}


class UnknownPartitioner(ValueError):
    """A scenario declares a partitioner that does not exist; raised at start."""

    exit_code = 2


@dataclass(frozen=True, kw_only=True)
class Layout:
    """How keys lie on a topic in one epoch: by which partitioner, over how many partitions.

    `partitions` is 0 where the count was never recorded.
    """

    partitioner: str
    partitions: int

    @property
    def is_computed(self) -> bool:
        """Whether the key alone determines its home."""
        return self.partitioner != CUSTOM and self.partitions > 0


@dataclass(frozen=True, kw_only=True)
class Placement:
    """Where n records of one batch lie: their partition, and how keys lie on the topic.

    known_homes: int64 (n,), recorded homes where the key does not determine them; -1 where unknown
    """

    layout: Layout
    partition: int
    known_homes: npt.NDArray[np.int64] | None = None

    def homes(self, keys: ByteColumn) -> npt.NDArray[np.int64] | None:
        """The home of each of the n records, int64 (n,), -1 where unknown; None: all unknown."""
        if not self.layout.is_computed:
            return self.known_homes
        if self.layout.partitions == 1:
            return None
        return home_partitions(keys, self.layout.partitioner, self.layout.partitions)


def check_partitioner(name: str) -> None:
    """Raise `UnknownPartitioner` unless `name` is one of `PARTITIONERS`."""
    if name not in PARTITIONERS:
        raise UnknownPartitioner(
            f"there is no partitioner {name!r}: it is one of {', '.join(PARTITIONERS)}"
        )


def home_partitions(keys: ByteColumn, partitioner: str, partitions: int) -> npt.NDArray[np.int64]:
    """Where `partitioner` (not custom) puts each of n keys among `partitions` ones, int64 (n,).

    A key of no bytes is hashed like any other (librdkafka's `consistent_random` puts it anywhere);
    what stands for a null key means nothing, since no client hashes it.
    """
    homes = np.empty(len(keys), dtype=np.int64)
    if partitioner == MURMUR2:
        murmur2_partitions(keys.content, keys.bounds, partitions, homes)
    else:
        crc32_partitions(keys.content, keys.bounds, partitions, _CRC_TABLE, homes)
    return homes


def wrong_partition_sentence(key: bytes, placement: Placement, *, home: int) -> str:
    """Why an event of `key` in `partition` is refused, with the setting to change."""
    layout, partition = placement.layout, placement.partition
    among = f" of {layout.partitions}" if layout.partitions else ""
    return (
        f"key {key[:_MAX_SHOWN]!r} lies in partition {partition}, its home is partition {home}"
        f"{among} (partitioner {layout.partitioner}): {_SETTINGS[layout.partitioner]}"
    )


def shares_at_home(
    keys: ByteColumn, partition_of: npt.NDArray[np.int64], partitions: int
) -> Mapping[str, float]:
    """Computed partitioner → share of the n `keys` that lie where it puts them; n is not 0."""
    return {
        name: float((home_partitions(keys, name, partitions) == partition_of).mean())
        for name in (MURMUR2, CRC32)
    }


_CRC_TABLE = crc_table()
