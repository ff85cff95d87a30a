"""Checks that a batch may be folded onto the states that were read. They detect a topic that
changed, trimmed history, a store that lost writes, and a start between batches.
"""

from collections.abc import Sequence

import numpy as np

from features.fold.state import States
from stores.hbase.stamps import offset_of, stamp
from stores.hbase.states import Marker
from streaming.passes.batches import Batch
from streaming.passes.settings import PassSettings
from streaming.position.gaps import GapCheck
from streaming.position.refusals import EpochChanged, StoreBehind, TrimmedHistory
from streaming.position.remedies import remedy


def check_partition(settings: PassSettings, partition: int) -> None:
    """Refuse a partition that this epoch does not have: keys have moved between partitions."""
    if partition not in settings.first_offsets:
        raise EpochChanged(
            f"{settings.scenario}.events now has a partition {partition}, epoch {settings.epoch} "
            f"began with {len(settings.first_offsets)}: run "
            f"{remedy(settings.scenario, 'advance_epoch')}"
        )


def check_boundary(
    settings: PassSettings, marker: Marker | None, batch: Batch, *, are_empty: GapCheck
) -> None:
    """Refuse to begin elsewhere than where an earlier batch ended, or the epoch begins.

    A state is written at its batch's end, so states as of an offset inside an old batch are
    not in the store; and an end that is missing shows a store that lost acknowledged writes.
    Offsets in between that hold no readable record change no state.
    """
    partition, first = batch.partition, batch.first
    ended = marker.offset + 1 if marker and marker.epoch == settings.epoch else None
    has_markers = ended is not None or settings.regions is None  # from the epoch's beginning on
    due = settings.first_offsets[partition] if ended is None else ended
    if has_markers and (first == due or (batch.after is not None and due == batch.after + 1)):
        return
    if has_markers and due < first and are_empty(partition, due, first):
        return
    raise StoreBehind(
        f"a batch begins at offset {first} of {settings.scenario}.events-{partition}, the "
        f"last batch before it in the store ended at {ended if ended is not None else 'none'}",
        detail=f"{partition}:{first}",
    )


def check_new_entities(
    settings: PassSettings, entities: Sequence[str], newest: States, *, first: int
) -> None:
    """Refuse to start an entity from empty when older events of it have been folded before.

    `newest` are the newest states of entities that have none below offset `first`.
    """
    has_older = (newest.events > 0) & (newest.first_stamp < stamp(settings.epoch, first))
    if has_older.any():
        row = int(np.flatnonzero(has_older)[0])
        raise TrimmedHistory(
            f"entity {entities[row]!r} has events since offset "
            f"{offset_of(int(newest.first_stamp[row]))}, but no version of its state below "
            f"offset {first} is kept (hbase.state_versions): run "
            f"{remedy(settings.scenario, 'rebuild_state')}"
        )
