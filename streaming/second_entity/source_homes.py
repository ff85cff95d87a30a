"""The home partitions of a source topic's keys, for readers beside the scenario's own stream."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from features.byte_column import ByteColumn
from features.events.decode import Records
from features.events.partitioners import CUSTOM, Layout, Placement, home_partitions
from stores.kafka.cluster import TopicIdentity
from stores.records.epochs import EpochRecord, EpochStart

_UNKNOWN = -1


def source_epochs(
    record: EpochRecord | None, identity: TopicIdentity, *, partitioner: str
) -> tuple[EpochStart, ...]:
    """The epochs of the topic `identity`, newest first.

    Before its stream has begun one (or has gone on after the topic was recreated): the one that it
    will begin, by the declared `partitioner`.
    """
    starts = record.starts if record else ()
    of_topic = tuple(start for start in starts if start.topic_id == identity.topic_id)
    if of_topic:
        return of_topic
    next_start = EpochStart(
        epoch=0,
        topic_id=identity.topic_id,
        first_offsets=dict.fromkeys(identity.partitions, 0),
        partitioner=partitioner,
    )
    return (next_start,)


def source_placement(
    starts: Sequence[EpochStart], records: Records, *, partition: int
) -> Placement:
    """Where `records` of `partition` lie by the epochs (newest first) that score them.

    Homes that no partitioner gives (`custom`) are unknown here, so none of those is refused.
    """
    keys = ByteColumn.of(records.keys)
    homes = np.full(len(keys), _UNKNOWN, dtype=np.int64)
    for start in reversed(starts):
        first = start.first_offsets.get(partition)
        if first is not None:
            is_in = records.offsets >= first
            homes[is_in] = _homes(start, keys)[is_in]
    layout = Layout(partitioner=CUSTOM, partitions=0)
    return Placement(layout=layout, partition=partition, known_homes=homes)


def _homes(start: EpochStart, keys: ByteColumn) -> npt.NDArray[np.int64]:
    if start.partitioner is None or start.partitioner == CUSTOM:
        return np.full(len(keys), _UNKNOWN, dtype=np.int64)
    return home_partitions(keys, start.partitioner, len(start.first_offsets))
