"""Re-keying on a worker: messages for the sink, and counts of what became of the records."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import pyarrow as pa

from stores.hbase.connection import HBaseStore
from stores.hbase.stamps import stamp
from stores.records.epochs import EpochStart
from stores.records.rekey_counts import RekeyCounts, RekeyCountTable
from streaming.passes.batches import Batch
from streaming.second_entity.rekey import Rekeyed, Rekeyer
from streaming.second_entity.source_homes import source_placement


@dataclass(frozen=True, kw_only=True)
class RekeySettings:
    """What a worker needs to re-key for the second entity `name` of the scenario in `module`.

    generation   number of the checkpoint generation: stamps of the counts grow with it
    epochs       source topic → its epochs, newest first: where its events belong
    """

    name: str
    module: str
    store: HBaseStore
    generation: int
    max_event_bytes: int
    max_future_skew_seconds: float
    retry_seconds: float
    epochs: Mapping[str, Sequence[EpochStart]] = field(default_factory=dict)


class RekeyPass:
    """Re-keys batches and stores the counts; `process` is called per Arrow batch."""

    def __init__(
        self,
        rekeyer: Rekeyer,
        counts: RekeyCountTable,
        *,
        generation: int,
        epochs: Mapping[str, Sequence[EpochStart]],
    ) -> None:
        self._rekeyer = rekeyer
        self._epochs = epochs
        self._counts = counts
        self._generation = generation

    def process(self, topic: str, batch: Batch) -> pa.RecordBatch:
        """The messages that `batch` of `topic` gives; raises `StoreDown` when HBase stays away.

        At-least-once: a batch that is run again is published again, and counted once.
        """
        placement = None
        if topic in self._epochs:
            placement = source_placement(
                self._epochs[topic], batch.records, partition=batch.partition
            )
        rekeyed = self._rekeyer.rekeyed(topic, batch.records, placement)
        position = stamp(self._generation, batch.first)
        before = self._counts.below(topic, batch.partition, position=position)
        self._counts.write(
            topic,
            batch.partition,
            _sums(before or RekeyCounts(offset=-1), rekeyed, offset=batch.last),
            position=stamp(self._generation, batch.last),
        )
        return rekeyed.messages


def _sums(before: RekeyCounts, rekeyed: Rekeyed, *, offset: int) -> RekeyCounts:
    return RekeyCounts(
        offset=offset,
        sent=before.sent + rekeyed.sent,
        left_out=before.left_out + rekeyed.left_out,
        refused=before.refused + rekeyed.refused,
        written_at_ms=time.time_ns() // 1_000_000,
    )
