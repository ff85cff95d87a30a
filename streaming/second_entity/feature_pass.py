"""The pass that maintains a second entity's features: decode → read states → fold → write states.

As the scoring pass, but without a model: what is written depends on the events and the states
below the batch only, and lands at the stamp of the batch's last offset, so a batch that is run
again writes the same cells.
"""

import time
from collections.abc import Iterator

import pyarrow as pa

from features.events.decode import Events
from scenarios.contract.keyed import Keyed
from stores.hbase.stamps import stamp
from stores.hbase.states import Marker
from streaming.messages.dead_letters import add_dead_letters
from streaming.passes.batches import Batch
from streaming.passes.folding import BatchFold
from streaming.passes.homes import HomeRule
from streaming.passes.output import Output
from streaming.passes.settings import PassSettings
from streaming.passes.states_below import Part
from streaming.passes.table import PassTable
from streaming.position.fence import EpochFence
from streaming.position.gaps import GapCheck, never_empty


class FeaturePass:
    """The pass of one second entity over one store; `process` is called per Arrow batch."""

    def __init__(
        self,
        settings: PassSettings,
        keyed: Keyed,
        table: PassTable,
        fence: EpochFence,
        are_empty: GapCheck = never_empty,
        homes: HomeRule | None = None,
    ) -> None:
        self._settings = settings
        self._keyed = keyed
        self._table = table
        self._fence = fence
        self._fold = BatchFold(settings, keyed, table, are_empty=are_empty, homes=homes)

    def prepare(self) -> None:
        """Open the connection before the first event needs it."""
        self._fence.check()

    def process(self, batch: Batch) -> pa.Table:
        """Fold `batch`, write its states, and return the dead letters for the Kafka sink.

        Raises a `Refused` when going on would misread something, `StoreDown` when HBase stays
        away; in both cases the batch is run again.
        """
        return pa.concat_tables(self.tables(batch))

    def tables(self, batch: Batch) -> Iterator[pa.Table]:
        """The same part by part: a part's states are written when its dead letters come."""
        self._fence.check()
        for part, folded in self._fold.parts(batch):
            yield self._written(part, dropped=folded.dropped)

    def _written(self, part: Part, *, dropped: int) -> pa.Table:
        cells = self._keyed.codec.encode(part.states)
        self._write(part.batch, part.events, part.entities.ids, cells, dropped=dropped)
        return self._dead_letters(part.batch, part.events)

    def _write(
        self, batch: Batch, events: Events, ids: list[str], cells: list[bytes], *, dropped: int
    ) -> None:
        """States first, the marker after them: it proves that they are in the store."""
        position = stamp(self._settings.epoch, batch.last)
        self._table.write(ids, cells, [None] * len(ids), position=position)
        marker = Marker(
            partition=batch.partition,
            epoch=self._settings.epoch,
            offset=batch.last,
            dead_letters=len(events.refusals),
            dropped_from_windows=dropped,
            published_upto=batch.published_upto,
            generation=self._settings.generation,
            written_at_ms=time.time_ns() // 1_000_000,
        )
        self._table.write_marker(marker, position=position)

    def _dead_letters(self, batch: Batch, events: Events) -> pa.Table:
        output = Output()
        add_dead_letters(
            output,
            batch,
            events.refusals,
            topic=self._keyed.topic("dead-letter"),
            source_topic=self._keyed.topic("events"),
            epoch=self._settings.epoch,
            most_bytes=self._settings.dead_letter_bytes,
        )
        return output.table()
