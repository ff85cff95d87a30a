"""The buffers of entities' recent events, which windows are read from: in memory and packed."""

from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt

from features.fold.window_plan import WindowPlan

_NO_CODE = 255
_NO_WHOLE = {"<i4": np.iinfo(np.int32).min, "<i8": np.iinfo(np.int64).min}

Ints = npt.NDArray[np.int64]


@dataclass
class Buffers:
    """Buffers of e entities with m places in all, c columns; see `features/fold/windows.py`.

    starts, counts  int64 (e,)      where an entity's entries begin, and how many there are
    dropped         int64 (e,)      entries dropped so far because a buffer was full
    times_ms        int64 (m,)      event time, rising within an entity
    types           int64 (m,)      event type
    values          float64 (m, c)  buffered fields, NaN where absent
    """

    starts: Ints
    counts: Ints
    dropped: Ints
    times_ms: Ints
    types: Ints
    values: npt.NDArray[np.float64]

    def with_room(self, incoming: Ints) -> "Buffers":
        """The same entries with `incoming` (e,) free places behind those of each entity."""
        room = self.counts + incoming
        starts = np.concatenate([[0], np.cumsum(room)[:-1]]).astype(np.int64)
        places, old_places = entries_at(starts, self.counts), entries_at(self.starts, self.counts)
        total = int(room.sum())
        times_ms, types = np.zeros(total, dtype=np.int64), np.zeros(total, dtype=np.int64)
        values = np.empty((total, self.values.shape[1]))
        times_ms[places], types[places] = self.times_ms[old_places], self.types[old_places]
        values[places] = self.values[old_places]
        return Buffers(starts, self.counts.copy(), self.dropped.copy(), times_ms, types, values)


def empty_buffers(count: int, columns: int) -> Buffers:
    """Buffers of `count` entities without entries."""
    none = np.zeros(0, dtype=np.int64)
    zeros = np.zeros((3, count), dtype=np.int64)
    return Buffers(zeros[0], zeros[1], zeros[2], none, none.copy(), np.empty((0, columns)))


def entries_at(starts: Ints, counts: Ints) -> Ints:
    """The places of all entries, entity by entity."""
    before = np.cumsum(counts) - counts
    return np.repeat(starts - before, counts) + np.arange(int(counts.sum()))


def packed(buffers: Buffers, plan: WindowPlan, latest_ms: Ints) -> list[bytes]:
    """Each entity's entries as bytes; times are stored as ages before `latest_ms` (e,)."""
    places = entries_at(buffers.starts, buffers.counts)
    records = np.empty(len(places), dtype=plan.entry)
    records["age_ms"] = np.repeat(latest_ms, buffers.counts) - buffers.times_ms[places]
    if plan.stores_types:
        records["type"] = buffers.types[places]
    for position, column in enumerate(plan.columns):
        records[f"c{position}"] = _stored(buffers.values[places, position], column)
    body, size = records.tobytes(), plan.entry.itemsize
    ends = np.concatenate([[0], np.cumsum(buffers.counts)]) * size
    return [body[start:end] for start, end in pairwise(ends.tolist())]


def unpacked(
    body: bytes, counts: Ints, dropped: Ints, plan: WindowPlan, latest_ms: Ints
) -> Buffers:
    """Buffers of e entities from their entries' bytes, one after the other."""
    records = np.frombuffer(body, dtype=plan.entry)
    values = np.empty((len(records), len(plan.columns)))
    for position, column in enumerate(plan.columns):
        values[:, position] = _restored(records[f"c{position}"], column)
    only_type = int(np.flatnonzero(plan.is_buffered)[0])
    return Buffers(
        starts=np.cumsum(counts) - counts,
        counts=counts,
        dropped=dropped,
        times_ms=np.repeat(latest_ms, counts) - records["age_ms"].astype(np.int64),
        types=(
            records["type"].astype(np.int64)
            if plan.stores_types
            else np.full(len(records), only_type, dtype=np.int64)
        ),
        values=values,
    )


def _stored(values: npt.NDArray[np.float64], column: Any) -> npt.NDArray[np.float64]:
    if column.stored_as == "<f8":
        return values
    missing = _NO_WHOLE.get(column.stored_as, _NO_CODE)
    return np.where(np.isnan(values), float(missing), np.rint(values * column.scale))


def _restored(stored: npt.NDArray[Any], column: Any) -> npt.NDArray[np.float64]:
    if column.stored_as == "<f8":
        return stored.astype(np.float64)
    missing = _NO_WHOLE.get(column.stored_as, _NO_CODE)
    # Whole units divided once give the decimal's own nearest float, as reading its text does.
    return np.where(stored == missing, np.nan, stored.astype(np.float64) / column.scale)
