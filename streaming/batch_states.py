"""States below a batch, read and checked: what every pass that folds begins with."""

from features.fold import Entities
from features.state import States
from features.state_errors import DefinitionsChanged, StateFormatError
from scenarios.keyed import Keyed
from stores.stamps import stamp
from streaming.batches import Batch
from streaming.boundaries import check_boundary, check_new_entities, check_partition
from streaming.gaps import GapCheck
from streaming.pass_table import PassTable
from streaming.refusals import StateUnreadable
from streaming.remedies import remedy
from streaming.settings import PassSettings


def states_below(
    settings: PassSettings,
    keyed: Keyed,
    table: PassTable,
    batch: Batch,
    entities: Entities,
    *,
    are_empty: GapCheck,
) -> States:
    """The states of `entities` as of the first offset of `batch`, aligned with them.

    Raises a `Refused` when folding the batch onto them would misread or lose something.
    """
    check_partition(settings, batch.partition)
    cells, marker = table.below(
        entities.ids,
        partition=batch.partition,
        position=stamp(settings.epoch, batch.first),
    )
    check_boundary(settings, marker, batch, are_empty=are_empty)
    unseen = [id_ for id_, cell in zip(entities.ids, cells, strict=True) if cell is None]
    try:
        states = keyed.codec.decode(cells)
        newest = keyed.codec.decode(table.newest(unseen))
    except (DefinitionsChanged, StateFormatError) as error:
        raise unreadable(keyed.name, error) from error
    check_new_entities(settings, unseen, newest, first=batch.first)
    return states


def unreadable(name: str, error: DefinitionsChanged | StateFormatError) -> StateUnreadable:
    """The refusal of a state of the stream `name` that cannot be read, with the way out."""
    found = str(error)
    if isinstance(error, DefinitionsChanged):
        found = f"they belong to feature definitions {error.found}, this code has {error.expected}"
    return StateUnreadable(
        f"stored states of {name} cannot be read: {found}; nothing was misread or written: run "
        f"{remedy(name, 'rebuild_state')}"
    )
