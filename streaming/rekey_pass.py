"""Re-keying on a worker: messages for the sink, and sums of what became of the records."""

import time
from dataclasses import dataclass

import pyarrow as pa

from stores.connection import HBaseStore
from stores.rekey_counts import RekeyCounts, RekeyCountTable
from stores.stamps import stamp
from streaming.batches import Batch
from streaming.rekeying import Rekeyed, Rekeyer


@dataclass(frozen=True, kw_only=True)
class RekeySettings:
    """What a worker needs to re-key for the second entity `name` of the scenario in `module`.

    generation   number of the checkpoint generation: stamps of the counts grow with it
    """

    name: str
    module: str
    store: HBaseStore
    generation: int
    max_event_bytes: int
    max_future_skew_seconds: float
    retry_seconds: float


class RekeyPass:
    """Re-keys batches and keeps the sums; `process` is called per Arrow batch."""

    def __init__(self, rekeyer: Rekeyer, counts: RekeyCountTable, *, generation: int) -> None:
        self._rekeyer = rekeyer
        self._counts = counts
        self._generation = generation

    def process(self, topic: str, batch: Batch) -> pa.RecordBatch:
        """The messages that `batch` of `topic` gives; raises `StoreDown` when HBase stays away.

        At-least-once: a batch that is run again is published again, and counted once.
        """
        found = self._rekeyer.rekeyed(topic, batch.records)
        position = stamp(self._generation, batch.first)
        before = self._counts.below(topic, batch.partition, position=position)
        self._counts.write(
            topic,
            batch.partition,
            _sums(before or RekeyCounts(offset=-1), found, offset=batch.last),
            position=stamp(self._generation, batch.last),
        )
        return found.messages


def _sums(before: RekeyCounts, found: Rekeyed, *, offset: int) -> RekeyCounts:
    return RekeyCounts(
        offset=offset,
        sent=before.sent + found.sent,
        left_out=before.left_out + found.left_out,
        refused=before.refused + found.refused,
        written_at_ms=time.time_ns() // 1_000_000,
    )
