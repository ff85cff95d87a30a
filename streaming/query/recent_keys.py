"""Do the newest keys of a topic lie where the declared partitioner puts them? Logged at start."""

import time
from collections.abc import Sequence

import numpy as np

from features.byte_column import ByteColumn
from features.events.partitioners import CRC32, CUSTOM, MURMUR2, shares_at_home
from stores.kafka.cluster import KafkaCluster

SAMPLE = 1_000
_PATIENCE_SECONDS = 5.0
_POLL_MS = 300
_ADVICE = {
    MURMUR2: "set partitioner=murmur2_random in producers that use librdkafka (confluent-kafka, "
    'kcat), or declare partitioner="crc32" when all do',
    CRC32: "producers other than librdkafka's need a CRC-32 partitioner; without any of "
    'librdkafka\'s declare partitioner="murmur2"',
}


def partitioner_warning(
    kafka: KafkaCluster, topic: str, declared: str, *, sample: int = SAMPLE
) -> str | None:
    """One line when some of the newest keys lie outside their home, else None.

    Raises `KafkaDown` or `TopicMissing`.
    """
    keys, lies_in, partitions = _newest_keys(kafka, topic, sample)
    return warning_about(topic, keys, lies_in, partitions=partitions, declared=declared)


def warning_about(
    topic: str,
    keys: Sequence[bytes],
    lies_in: Sequence[int],
    *,
    partitions: int,
    declared: str,
) -> str | None:
    """The line about n `keys` of `topic` that lie in the partitions `lies_in`, else None."""
    if partitions == 1 or not keys:
        return None
    if declared == CUSTOM:
        return _in_two_partitions(topic, keys, lies_in)
    places = np.array(lies_in, dtype=np.int64)
    shares = shares_at_home(ByteColumn.of(keys), places, partitions)
    elsewhere = 1.0 - shares[declared]
    if elsewhere == 0.0:
        return None
    other = CRC32 if declared == MURMUR2 else MURMUR2
    return (
        f"{elsewhere:.1%} of the newest {len(keys):,} keys of {topic} lie outside their home "
        f"partition by {declared}, the scenario's partitioner ({other} puts {shares[other]:.1%} "
        f"where they lie): such events become dead letters wrong_partition; {_ADVICE[declared]} "
        "(docs/producers.md)"
    )


def _in_two_partitions(topic: str, keys: Sequence[bytes], lies_in: Sequence[int]) -> str | None:
    partitions_by_key: dict[bytes, set[int]] = {}
    for key, partition in zip(keys, lies_in, strict=True):
        partitions_by_key.setdefault(key, set()).add(partition)
    count = len(partitions_by_key)
    split = sum(len(partitions) > 1 for partitions in partitions_by_key.values())
    if not split:
        return None
    return (
        f"{split / count:.1%} of the {count:,} entities with the newest {len(keys):,} "
        f"keys of {topic} have events in more than one partition: those outside an entity's first "
        "one become dead letters wrong_partition; a producer must send a key to one partition "
        "always (docs/producers.md)"
    )


def _newest_keys(
    kafka: KafkaCluster, topic: str, sample: int
) -> tuple[list[bytes], list[int], int]:
    """At most about `sample` newest keys, their partitions, and how many partitions there are."""
    from kafka import TopicPartition
    from kafka.errors import UnsupportedCodecError

    offsets = kafka.offsets(topic)
    keys_per_partition = max(1, sample // len(offsets))
    keys: list[bytes] = []
    lies_in: list[int] = []
    with kafka.consumer() as consumer:
        ends = {TopicPartition(topic, p): end for p, (first, end) in offsets.items() if end > first}
        consumer.assign(list(ends))
        for place, end in ends.items():
            consumer.seek(place, max(offsets[place.partition][0], end - keys_per_partition))
        give_up_at = time.monotonic() + _PATIENCE_SECONDS
        while ends and time.monotonic() < give_up_at:
            try:
                polled = consumer.poll(timeout_ms=_POLL_MS)
            except UnsupportedCodecError:  # zstd or snappy: the keys read so far must do
                break
            for place, records in polled.items():
                for record in records:
                    if record.key is not None and record.offset < ends[place]:
                        keys.append(record.key)
                        lies_in.append(place.partition)
            if all(consumer.position(place) >= end for place, end in ends.items()):
                break
    return keys, lies_in, len(offsets)
