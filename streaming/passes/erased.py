"""Events and states of erased entities in a pass: those from before the erasure are left out."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np

from features.events import reasons
from features.events.decode import Events
from features.events.reasons import Refusal
from features.fold.state import StateCodec
from features.fold.state_errors import DefinitionsChanged, StateFormatError
from stores.hbase.stamps import stamp
from stores.hbase.states import Marker
from stores.records.erasures import ErasedEntities
from streaming.passes.batches import Batch
from streaming.passes.table import PassTable

SENTENCE = "the entity was erased: events from before its erasure are neither scored nor repeated"


class Erasures(Protocol):
    """Who was erased, as far as this process knows.

    erased_entities: what the last `current` returned; one batch sees one answer
    """

    erased_entities: ErasedEntities

    def current(self) -> ErasedEntities:
        """The erased entities; looks again when it is time."""
        ...


@dataclass
class NobodyErased:
    """The erasures of a pass over a store that has none, such as a benchmark's."""

    erased_entities: ErasedEntities = field(default_factory=ErasedEntities)

    def current(self) -> ErasedEntities:
        """Nobody."""
        return self.erased_entities


def without_erased(events: Events, erased: ErasedEntities, batch: Batch, *, epoch: int) -> Events:
    """`events` without those from before their entity's erasure, which become refusals."""
    if not erased:
        return events
    erasures = erased.among(set(events.entities))
    if not erasures:
        return events
    first = stamp(epoch, 0)
    is_erased = np.zeros(len(events.rows), dtype=bool)
    for at, entity in enumerate(events.entities):
        erasure = erasures.get(entity)
        is_erased[at] = erasure is not None and erasure.covers(
            partition=batch.partition,
            position=first + int(batch.records.offsets[events.rows[at]]),
            event_ms=int(events.times_ms[at]),
        )
    if not is_erased.any():
        return events
    refused = [Refusal(row, reasons.ERASED, SENTENCE) for row in events.rows[is_erased].tolist()]
    return events.refusing(is_erased, refused)


@dataclass(frozen=True)
class TableWithoutErased:
    """A `PassTable` that does not see the states of erased entities from before their erasure.

    They may still be in the memory that workers share, and a batch that was running during the
    erasure may have written one again.
    """

    table: PassTable
    erasures: Erasures
    codec: StateCodec

    def below(
        self, entities: Sequence[str], *, partition: int, position: int
    ) -> tuple[list[bytes | None], Marker | None]:
        """As `PassTable.below`."""
        cells, marker = self.table.below(entities, partition=partition, position=position)
        return self._without(entities, cells), marker

    def newest(self, entities: Sequence[str]) -> list[bytes | None]:
        """As `PassTable.newest`."""
        return self._without(entities, self.table.newest(entities))

    def write(
        self,
        entities: Sequence[str],
        states: Sequence[bytes],
        rows: Sequence[bytes | None],
        *,
        position: int,
    ) -> None:
        """As `PassTable.write`."""
        self.table.write(entities, states, rows, position=position)

    def write_marker(self, marker: Marker, *, position: int) -> None:
        """As `PassTable.write_marker`."""
        self.table.write_marker(marker, position=position)

    def _without(
        self, entities: Sequence[str], cells: Sequence[bytes | None]
    ) -> list[bytes | None]:
        visible_cells = list(cells)
        erasures = self.erasures.erased_entities.among(entities)
        for at, entity in enumerate(entities) if erasures else ():
            cell, erasure = visible_cells[at], erasures.get(entity)
            if cell is None or erasure is None:
                continue
            try:
                state = self.codec.decode([cell])
            except (DefinitionsChanged, StateFormatError):
                continue  # the pass refuses it, with the way out
            if state.first_stamp[0] < erasure.first_stamp(int(state.partition[0])):
                visible_cells[at] = None
        return visible_cells
