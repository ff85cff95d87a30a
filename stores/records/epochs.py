"""The epoch record: which incarnation of the events topic the stamps in the store refer to."""

from collections.abc import Mapping
from typing import Any

import msgspec

from stores.hbase.connection import Session
from stores.hbase.tables import CONTROL
from stores.records.control import EPOCH


class EpochStart(msgspec.Struct, frozen=True, kw_only=True):
    """Where an earlier epoch began: in which topic, at which offset of each partition.

    `partitioner`: how keys lie on the partitions, which `first_offsets` names all; None in records
    from before it was stored: then the first partition in which a key was seen is its home.
    """

    epoch: int
    topic_id: str
    first_offsets: Mapping[int, int]
    partitioner: str | None = None


class EpochRecord(msgspec.Struct, frozen=True, kw_only=True):
    """Epoch of a scenario's events topic.

    `first_offsets`: partition → offset at which this epoch begins; states written below it belong
    to an earlier epoch. `reason` says why the epoch was begun. `is_whole_history`: whether every
    event ever folded was in this topic; not so once it has been recreated. `earlier`: the epochs
    before it, newest first. `regions`: prefixes of the regions in which every partition has a
    marker from the epoch's beginning on, see `stores.hbase.region_markers`; None in records from
    before there were such markers. `partitioner`: as in `EpochStart`.
    """

    epoch: int
    topic: str
    topic_id: str
    partitions: int
    first_offsets: Mapping[int, int]
    reason: str
    begun_at: str
    is_whole_history: bool = True
    earlier: tuple[EpochStart, ...] = ()
    partitioner: str | None = None
    regions: tuple[str, ...] | None = None

    @property
    def start(self) -> EpochStart:
        """Where this epoch began."""
        return EpochStart(
            epoch=self.epoch,
            topic_id=self.topic_id,
            first_offsets=self.first_offsets,
            partitioner=self.partitioner,
        )

    @property
    def starts(self) -> tuple[EpochStart, ...]:
        """All epochs so far, newest first."""
        return (self.start, *self.earlier)

    @property
    def epochs_of_topic(self) -> list[int]:
        """Numbers of the epochs in the topic as it is now; their offsets are one sequence."""
        return [start.epoch for start in self.starts if start.topic_id == self.topic_id]


def read_epoch(session: Session, scenario: str) -> EpochRecord | None:
    """The scenario's epoch record, or None before its first start."""

    def get(connection: Any) -> Any:
        return connection.table(CONTROL).row(scenario.encode(), columns=[EPOCH]).get(EPOCH)

    return epoch_in(session.call(get))


def epoch_in(cell: bytes | None) -> EpochRecord | None:
    """The record in a cell as it was read."""
    return None if cell is None else msgspec.json.decode(cell, type=EpochRecord)


def write_epoch(session: Session, scenario: str, record: EpochRecord) -> None:
    """Begin `record`'s epoch: workers of an older one notice within a second and stop."""
    cell = msgspec.json.encode(record)

    def put(connection: Any) -> None:
        connection.table(CONTROL).put(scenario.encode(), {EPOCH: cell})

    session.call(put)
