"""Features of a whole history in memory: the same fold over columns, without events as JSON."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from features.events.decode import Events
from features.fold.buffers import Buffers
from features.fold.fold import Folded, fold
from features.fold.plan import Plan
from features.fold.readout import features_as_of
from features.fold.state import StateCodec

Ints = npt.NDArray[np.int64]


@dataclass(frozen=True)
class HistoryColumns:
    """n events as columns, in the order of the stream.

    entity_codes  int64 (n,)      0 to the number of entities - 1
    type_codes    int64 (n,)      position of the event's type in the schema
    times_ms      int64 (n,)      event time, UTC epoch milliseconds
    values        float64 (n, f)  one column per schema field, NaN where the event has none
    """

    entity_codes: Ints
    type_codes: Ints
    times_ms: Ints
    values: npt.NDArray[np.float64]

    @property
    def entities(self) -> int:
        """How many entities there are."""
        return int(self.entity_codes.max()) + 1 if len(self.entity_codes) else 0


def fold_history(plan: Plan, events: HistoryColumns) -> Folded:
    """Features right after each event, from empty states: bit-equal to the stream's."""
    count = len(events.times_ms)
    states = StateCodec(plan).empty(events.entities)
    decoded = Events(
        rows=np.arange(count),
        entities=[],
        type_codes=np.ascontiguousarray(events.type_codes, dtype=np.int64),
        times_ms=np.ascontiguousarray(events.times_ms, dtype=np.int64),
        values=np.ascontiguousarray(events.values, dtype=np.float64),
        refusals=[],
    )
    rows = np.ascontiguousarray(events.entity_codes, dtype=np.int64)
    return fold(plan, states, decoded, entity_rows=rows, stamps=np.arange(count), partition=0)


def lookup_history(
    plan: Plan, events: HistoryColumns, *, asked_codes: Ints, asked_ms: Ints
) -> npt.NDArray[np.float64]:
    """Window features of entities `asked_codes` (q,) as of `asked_ms` (q,), float64 (q, k).

    They count events dated at or before that time, whenever they came; entities without events
    have empty windows. Buffers are not bounded here. The plan must have windows only.
    """
    windows = plan.windows
    if windows is None:
        raise ValueError(f"features {list(plan.feature_names)} have no windows to look up")
    entries = _buffered_once(plan, events)
    codes, count = (
        events.entity_codes[entries],
        max(events.entities, int(asked_codes.max(initial=-1)) + 1),
    )
    counts = np.bincount(codes, minlength=count)
    states = StateCodec(plan).empty(count)
    states.buffers = Buffers(
        starts=np.cumsum(counts) - counts,
        counts=counts,
        dropped=np.zeros(count, dtype=np.int64),
        times_ms=np.ascontiguousarray(events.times_ms[entries], dtype=np.int64),
        types=np.ascontiguousarray(events.type_codes[entries], dtype=np.int64),
        values=windows.buffered_values(events.values[entries]),
    )
    rows = np.ascontiguousarray(asked_codes, dtype=np.int64)
    return features_as_of(plan, states, rows, np.ascontiguousarray(asked_ms, dtype=np.int64))


def _buffered_once(plan: Plan, events: HistoryColumns) -> Ints:
    """Positions of the buffered events by entity and time, repeats left out."""
    windows = plan.windows
    assert windows is not None
    buffered = np.flatnonzero(windows.is_buffered[events.type_codes])
    order = np.lexsort((events.times_ms[buffered], events.entity_codes[buffered]))
    positions: Ints = buffered[order]
    if windows.identity < 0:
        return positions
    identity = events.values[positions, windows.columns[windows.identity].source]
    key = np.lexsort(
        (
            np.arange(len(positions)),
            identity,
            events.type_codes[positions],
            events.times_ms[positions],
            events.entity_codes[positions],
        )
    )
    columns = (
        events.entity_codes[positions],
        events.times_ms[positions],
        events.type_codes[positions],
    )
    same = np.ones(max(len(key) - 1, 0), dtype=np.bool_)
    for column in (*columns, identity):
        same &= column[key][1:] == column[key][:-1]
    is_repeat = np.zeros(len(positions), dtype=np.bool_)
    is_repeat[key[1:][same]] = True
    return positions[~is_repeat]
