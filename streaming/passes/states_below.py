"""States below a batch, read and checked: what every pass that folds begins with."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from features.events.decode import Events
from features.fold.fold import Entities, distinct
from features.fold.state import States
from features.fold.state_errors import DefinitionsChanged, StateFormatError
from scenarios.contract.keyed import Keyed
from stores.hbase.stamps import stamp
from streaming.passes.batches import Batch
from streaming.passes.boundaries import check_boundary, check_new_entities, check_partition
from streaming.passes.settings import PassSettings
from streaming.passes.table import PassTable
from streaming.position.gaps import GapCheck
from streaming.position.refusals import StateUnreadable
from streaming.position.remedies import remedy

# So many entities are read at once; few of their states then exceed the bound.
_ENTITIES_PER_READ = 4_000


@dataclass(frozen=True)
class Part:
    """Consecutive records of a batch as a batch of their own, and the states below the first.

    events, entities and states belong to `batch`, the part itself.
    """

    batch: Batch
    events: Events
    entities: Entities
    states: States


def parts_of(
    settings: PassSettings,
    keyed: Keyed,
    table: PassTable,
    batch: Batch,
    events: Events,
    *,
    are_empty: GapCheck,
) -> Iterator[Part]:
    """`batch`, decoded to `events`, in parts; nearly always one.

    A part holds at most `settings.state_bytes` bytes of stored states, unless a single state is
    larger. Each part is written, with its marker, before the next one is read: that one reads
    what this one wrote. As with any cut of a topic into batches, the outcome is the same.

    Raises a `Refused` when folding a part onto its states would misread or lose something.
    """
    check_partition(settings, batch.partition)
    while True:
        entities = distinct(events.entities)
        cells = _cells_below(settings, keyed, table, batch, entities.ids, are_empty=are_empty)
        count = len(cells)
        if count == len(entities.ids):
            yield Part(batch, events, entities, _decoded(keyed, cells))
            return
        # Entities are numbered by first appearance: all events before this one are of known states.
        first_beyond = int(np.argmax(entities.rows == count))
        cut, end = int(events.rows[first_beyond]), len(batch.records.offsets)
        part_entities = Entities(entities.ids[:count], entities.rows[:first_beyond])
        part, done = batch.between(0, cut), events.between(0, cut)
        states = _decoded(keyed, cells)
        del cells
        yield Part(part, done, part_entities, states)
        del states
        batch, events = batch.between(cut, end), events.between(cut, end)


def _cells_below(
    settings: PassSettings,
    keyed: Keyed,
    table: PassTable,
    batch: Batch,
    ids: Sequence[str],
    *,
    are_empty: GapCheck,
) -> list[bytes | None]:
    """The stored states of the first of `ids` as of the first offset of `batch`.

    As many as `settings.state_bytes` allow, one at least.
    """
    stored_cells: list[bytes | None] = []
    held = 0
    for row in range(0, max(len(ids), 1), _ENTITIES_PER_READ):
        chunk = ids[row : row + _ENTITIES_PER_READ]
        cells, marker = table.below(
            chunk, partition=batch.partition, position=stamp(settings.epoch, batch.first)
        )
        if row == 0:
            check_boundary(settings, marker, batch, are_empty=are_empty)
        _check_unseen(settings, keyed, table, batch, chunk, cells)
        for cell in cells:
            held += len(cell or b"")
            if stored_cells and held > settings.state_bytes:
                return stored_cells
            stored_cells.append(cell)
    return stored_cells


def _check_unseen(
    settings: PassSettings,
    keyed: Keyed,
    table: PassTable,
    batch: Batch,
    ids: Sequence[str],
    cells: Sequence[bytes | None],
) -> None:
    """Refuse an entity without a state below the batch that has had events before."""
    unseen = [entity_id for entity_id, cell in zip(ids, cells, strict=True) if cell is None]
    try:
        newest = keyed.codec.decode(table.newest(unseen))
    except (DefinitionsChanged, StateFormatError) as error:
        raise unreadable(keyed.name, error) from error
    check_new_entities(settings, unseen, newest, first=batch.first)


def _decoded(keyed: Keyed, cells: Sequence[bytes | None]) -> States:
    try:
        return keyed.codec.decode(cells)
    except (DefinitionsChanged, StateFormatError) as error:
        raise unreadable(keyed.name, error) from error


def unreadable(name: str, error: DefinitionsChanged | StateFormatError) -> StateUnreadable:
    """The refusal of a state of the stream `name` that cannot be read, with the way out."""
    why = str(error)
    if isinstance(error, DefinitionsChanged):
        why = f"they belong to feature definitions {error.digest}, this code has {error.expected}"
    return StateUnreadable(
        f"stored states of {name} cannot be read: {why}; nothing was misread or written: run "
        f"{remedy(name, 'rebuild_state')}"
    )
