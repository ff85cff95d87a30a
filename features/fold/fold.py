"""fold(states, events) → features, states': the one place where features come from."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from features.events.decode import Events
from features.fold.kernel import fold_events
from features.fold.plan import Plan
from features.fold.state import States
from features.fold.window_kernel import fold_windows


@dataclass(frozen=True)
class Entities:
    """Distinct entities of a batch in order of appearance, and each event's row among them."""

    ids: list[str]
    rows: npt.NDArray[np.int64]

    @property
    def last_event(self) -> npt.NDArray[np.int64]:
        """For each entity the position of its last event, int64 (e,)."""
        last = np.zeros(len(self.ids), dtype=np.int64)
        last[self.rows] = np.arange(len(self.rows))  # the last assignment wins
        return last


@dataclass(frozen=True)
class Folded:
    """The result of the fold for n events.

    features  float64 (n, k)  as they are right after each event; NaN where missing
    as_of_ms  int64 (n,)      the time they refer to: the latest event time seen so far
    dropped   events that left a full buffer while a window still reached them
    """

    features: npt.NDArray[np.float64]
    as_of_ms: npt.NDArray[np.int64]
    dropped: int = 0


def distinct(entities: list[str]) -> Entities:
    """Number the distinct ids of `entities` by first appearance."""
    numbered = pa.array(entities, pa.string()).dictionary_encode()
    return Entities(
        ids=numbered.dictionary.to_pylist(), rows=numbered.indices.to_numpy().astype(np.int64)
    )


def fold(
    plan: Plan,
    states: States,
    events: Events,
    *,
    entity_rows: npt.NDArray[np.int64],
    stamps: npt.NDArray[np.int64],
    partition: int,
) -> Folded:
    """Fold `events` in offset order into `states` (changed in place).

    entity_rows int64 (n,) row of each event's entity in `states`; stamps int64 (n,) position
    stamps, growing.
    """
    features = np.empty((len(entity_rows), len(plan.feature_names)))
    as_of_ms = np.empty(len(entity_rows), dtype=np.int64)
    dropped = _fold_buffers(plan, states, events, entity_rows, features)
    fold_events(
        entity_rows,
        events.type_codes,
        events.times_ms,
        events.values,
        plan.first_op,
        plan.ops,
        plan.op_rates,
        plan.reads,
        plan.read_rates,
        states.slots,
        states.latest_ms,
        features,
        as_of_ms,
    )
    first = np.full(len(states), np.iinfo(np.int64).max)
    first[entity_rows[::-1]] = stamps[::-1]  # the last assignment wins: each one's earliest
    is_new = states.first_stamp < 0
    states.first_stamp[is_new] = first[is_new]
    states.last_stamp[entity_rows] = stamps
    states.partition[entity_rows] = partition
    states.events += np.bincount(entity_rows, minlength=len(states))
    return Folded(features, as_of_ms, dropped)


def _fold_buffers(
    plan: Plan,
    states: States,
    events: Events,
    entity_rows: npt.NDArray[np.int64],
    features: npt.NDArray[np.float64],
) -> int:
    """Fold the windows of `plan`, writing their columns; returns how many entries were dropped."""
    windows = plan.windows
    if windows is None or states.buffers is None:
        return 0
    buffered = entity_rows[windows.is_buffered[events.type_codes]]
    buffers = states.buffers.with_room(np.bincount(buffered, minlength=len(states)))
    before = int(buffers.dropped.sum())
    values = windows.buffered_values(events.values)
    fold_windows(
        (entity_rows, events.type_codes, events.times_ms, events.values, values),
        states.latest_ms.copy(),  # `fold_events` changes the states' array
        (buffers.starts, buffers.counts, buffers.dropped),
        (buffers.times_ms, buffers.types, buffers.values),
        windows.for_kernel,
        features,
    )
    states.buffers = buffers
    return int(buffers.dropped.sum()) - before


def fold_batch(
    plan: Plan,
    states: States,
    events: Events,
    entities: Entities,
    *,
    offsets: npt.NDArray[np.int64],
    first_stamp: int,
    partition: int,
) -> Folded:
    """`fold` for the events of one batch of a partition: an event's stamp follows its offset.

    entities: of `distinct(events.entities)`, in the order of `states`; offsets (r,): of the batch's
    records; first_stamp: that of offset 0 in the epoch.
    """
    return fold(
        plan,
        states,
        events,
        entity_rows=entities.rows,
        stamps=offsets[events.rows] + first_stamp,
        partition=partition,
    )
