"""What every pass does with a batch first: decode, place, read the states below it, fold."""

from collections.abc import Iterator

from features.attachments import AttachmentSource
from features.events.decode import EventDecoder
from features.fold.fold import Folded, fold_batch
from scenarios.contract.keyed import Keyed
from stores.hbase.stamps import stamp
from streaming.passes.batches import Batch
from streaming.passes.erased import Erasures, NobodyErased, without_erased
from streaming.passes.homes import ComputedHomes, HomeRule
from streaming.passes.settings import PassSettings
from streaming.passes.states_below import Part, parts_of
from streaming.passes.table import PassTable
from streaming.position.gaps import GapCheck, never_empty


class BatchFold:
    """Folds the batches of one pass onto the states in its table."""

    def __init__(
        self,
        settings: PassSettings,
        keyed: Keyed,
        table: PassTable,
        *,
        are_empty: GapCheck = never_empty,
        homes: HomeRule | None = None,
        erasures: Erasures | None = None,
        attachments: AttachmentSource | None = None,
    ) -> None:
        """See the classes of `homes` and `erasures`; by default nothing is refused by them.

        are_empty: whether the offsets between two batches hold no record; attachments: where
        contents that events refer to are read from
        """
        self._settings, self._keyed, self._table = settings, keyed, table
        self._are_empty = are_empty
        self._homes = homes or ComputedHomes()
        self._erasures = erasures or NobodyErased()
        self._decoder = EventDecoder(
            keyed.schema,
            max_event_bytes=settings.max_event_bytes,
            max_future_skew_seconds=settings.max_future_skew_seconds,
            attachments=attachments,
        )

    def parts(self, batch: Batch) -> Iterator[tuple[Part, Folded]]:
        """Parts of `batch`, each with its features; the states of a part are those after it.

        A part is to be written before the next one is taken, see
        `streaming.passes.states_below.parts_of`. Raises a `Refused` when folding would misread or
        lose something.
        """
        settings = self._settings
        placement = settings.placement(batch.partition)
        events = self._decoder.decode(batch.records, placement)
        events = without_erased(events, self._erasures.current(), batch, epoch=settings.epoch)
        events = self._homes.at_home(events, batch.records, placement)
        for part in parts_of(
            settings, self._keyed, self._table, batch, events, are_empty=self._are_empty
        ):
            folded = fold_batch(
                self._keyed.plan,
                part.states,
                part.events,
                part.entities,
                offsets=part.batch.records.offsets,
                first_stamp=stamp(settings.epoch, 0),
                partition=part.batch.partition,
            )
            yield part, folded
