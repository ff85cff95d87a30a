"""The compiled fold over windows: an event is put into its entity's buffer, then windows are read.

Sums run from the newest entry to the oldest, so equal buffers give equal bits in any batches.
"""

import math
from typing import Any

import numba
import numpy as np

# What a read-out gives of its scan.
COUNT, SUM, MEAN, STD, MIN, MAX, DISTINCT, RATIO, ZSCORE = range(9)
# Columns of a scan, int64: buffer column (-1: none), window in ms, with the current event (0, 1),
# mask of event types, buffer column of the condition (-1: none), its category code, what it needs,
# where the scans end that differ from it in their (rising) windows only.
S_COLUMN, S_WINDOW, S_CURRENT, S_TYPES, S_WHERE, S_WHERE_CODE, S_NEEDS, S_STOP = range(8)
NEEDS_STD, NEEDS_DISTINCT = 1, 2
# Columns of a read-out, int64: kind, scan, column of the feature row, values column (-1: none).
R_KIND, R_SCAN, R_TARGET, R_VALUE = range(4)

_OPTIONS: Any = {"cache": True, "fastmath": False, "error_model": "numpy", "nogil": True}
_jit = numba.njit(**_OPTIONS)


@_jit
def put_entry(
    entry: Any, row: int, keep_after_ms: int, bounds: Any, buffer: Any, limits: Any
) -> int:
    """Put `entry` (time, type, values) into the buffer of `row`; returns its place, or -1.

    bounds: starts (e,), counts (e,), dropped (e,); buffer: times (m,), types (m,), values (m, c);
    limits: most entries, buffer column of the identity (-1: none).
    """
    time_ms, event_type, entry_values = entry
    (starts, counts, dropped), (times, types, values) = bounds, buffer
    max_entries, identity = limits
    start, end = starts[row], starts[row] + counts[row]
    if time_ms <= keep_after_ms:
        return -1
    place = end
    while place > start and times[place - 1] > time_ms:
        place -= 1
    if identity >= 0 and not math.isnan(entry_values[identity]):
        twin = place - 1
        while twin >= start and times[twin] == time_ms:
            if types[twin] == event_type and values[twin, identity] == entry_values[identity]:
                return twin  # type: ignore[no-any-return]
            twin -= 1
    for j in range(end, place, -1):
        times[j], types[j] = times[j - 1], types[j - 1]
        values[j] = values[j - 1]
    times[place], types[place] = time_ms, event_type
    values[place] = entry_values
    counts[row] += 1
    if counts[row] > max_entries:
        starts[row] += 1
        counts[row] -= 1
        dropped[row] += 1
    return place if place >= starts[row] else -1


@_jit
def _is_of(scan: Any, event_type: int, entry_values: Any) -> bool:
    if (scan[S_TYPES] >> event_type) & 1 == 0:
        return False
    return scan[S_WHERE] < 0 or entry_values[scan[S_WHERE]] == scan[S_WHERE_CODE]  # type: ignore[no-any-return]


@_jit
def _rule(scan: Any, current: int) -> Any:
    """Which entries a scan takes: entry left out, types, condition's column and code, column."""
    left_out = -1 if scan[S_CURRENT] else current
    return left_out, scan[S_TYPES], scan[S_WHERE], scan[S_WHERE_CODE], scan[S_COLUMN]


@_jit
def _fits(rule: Any, j: int, types: Any, values: Any) -> bool:
    left_out, mask, where, code, column = rule
    if j == left_out or (mask >> types[j]) & 1 == 0 or (where >= 0 and values[j, where] != code):
        return False
    return column < 0 or not math.isnan(values[j, column])


@_jit
def _close(
    scan: Any, sums: Any, first: int, end: int, current: int, buffer: Any, figures: Any
) -> None:
    """Write the figures of a window, entries `first` to `end`, into `figures` (7,)."""
    (count, total, low, high), (_, types, values) = sums, buffer
    mean = total / count if count > 0 else np.nan
    figures[COUNT], figures[SUM], figures[MEAN], figures[MIN], figures[MAX] = (
        count,
        total,
        mean,
        low,
        high,
    )
    figures[STD], figures[DISTINCT] = np.nan, 0.0
    if count == 0 or scan[S_NEEDS] == 0:
        return
    inside, n, rule = np.empty(count), 0, _rule(scan, current)
    for j in range(end - 1, first - 1, -1):
        if _fits(rule, j, types, values):
            inside[n] = values[j, scan[S_COLUMN]]
            n += 1
    if scan[S_NEEDS] & NEEDS_STD and count > 1:
        figures[STD] = math.sqrt(((inside - mean) ** 2).sum() / (count - 1))
    if scan[S_NEEDS] & NEEDS_DISTINCT:
        figures[DISTINCT] = float(np.unique(inside).shape[0])


@_jit
def _scanned(
    scans: Any, start: int, end: int, now_ms: int, current: int, buffer: Any, figures: Any
) -> None:
    """Write the figures of all windows; those that differ in length only share one pass."""
    (times, types, values), s = buffer, 0
    while s < scans.shape[0]:
        left_out, mask, where, code, column = _rule(scans[s], current)
        stop, after_ms = scans[s, S_STOP], now_ms - scans[s, S_WINDOW]
        count, total, low, high, first = 0, 0.0, np.nan, np.nan, end
        for j in range(end - 1, start - 1, -1):
            while s < stop and times[j] <= after_ms:
                sums = (count, total, low, high)
                _close(scans[s], sums, first, end, current, buffer, figures[s])
                s += 1
                after_ms = now_ms - scans[min(s, stop - 1), S_WINDOW]
            if s == stop:
                break
            first = j
            # `_fits` spelt out: as a call it took 1.6 times as long.
            if j == left_out or (mask >> types[j]) & 1 == 0:
                continue
            if where >= 0 and values[j, where] != code:
                continue
            value = values[j, column] if column >= 0 else 1.0
            if not math.isnan(value):
                count += 1
                total += value
                low = value if not low <= value else low
                high = value if not high >= value else high
        sums = (count, total, low, high)
        for last in range(s, stop):
            _close(scans[last], sums, first, end, current, buffer, figures[last])
        s = stop


@_jit
def _read_out(kind: int, figures: Any, value: float) -> float:
    """One feature from a window's figures; `value` is the event's own, NaN where there is none."""
    if kind == RATIO:
        return value / figures[MEAN] if figures[MEAN] != 0.0 else np.nan
    if kind == ZSCORE:
        return (value - figures[MEAN]) / figures[STD] if figures[STD] > 0.0 else np.nan
    return figures[kind]  # type: ignore[no-any-return]


@numba.njit(
    "void(Tuple((i8[::1], i8[::1], i8[::1], f8[:,::1], f8[:,::1])), i8[::1], UniTuple(i8[::1], 3),"
    " Tuple((i8[::1], i8[::1], f8[:,::1])), Tuple((b1[::1], i8, i8, i8, i8[:,::1], i8[:,::1])),"
    " f8[:,::1])",
    **_OPTIONS,
)
def fold_windows(
    events: Any, latest_ms: Any, bounds: Any, buffer: Any, plan: Any, features: Any
) -> None:
    """Fold n events into the buffers of e entities and write window features after each event.

    events: entity_rows, type_codes, times_ms, values as in `fold_events`, and what of the values is
    buffered (n, c); latest_ms as there; bounds, buffer as in `put_entry`, with room for each
    entity's events; plan: is_buffered (t,) by event type, how long entries stay, most entries,
    buffer column of the identity (-1: none), scans, reads. Writes columns R_TARGET of features.
    """
    entity_rows, type_codes, times_ms, values, buffered = events
    is_buffered, keep_ms, max_entries, identity, scans, reads = plan
    figures = np.empty((scans.shape[0], 7))
    starts, counts, _ = bounds
    for i in range(entity_rows.shape[0]):
        row, event_ms, event_type = entity_rows[i], times_ms[i], type_codes[i]
        now_ms = max(event_ms, latest_ms[row])
        latest_ms[row] = now_ms
        while counts[row] > 0 and buffer[0][starts[row]] <= now_ms - keep_ms:
            starts[row] += 1
            counts[row] -= 1
        current = -1
        if is_buffered[event_type]:
            entry, limits = (event_ms, event_type, buffered[i]), (max_entries, identity)
            current = put_entry(entry, row, now_ms - keep_ms, bounds, buffer, limits)
        start, end = starts[row], starts[row] + counts[row]
        _scanned(scans, start, end, now_ms, current, buffer, figures)
        for r in range(reads.shape[0]):
            value = np.nan
            if reads[r, R_VALUE] >= 0 and _is_of(scans[reads[r, R_SCAN]], event_type, buffered[i]):
                value = values[i, reads[r, R_VALUE]]
            window_figures = figures[reads[r, R_SCAN]]
            features[i, reads[r, R_TARGET]] = _read_out(reads[r, R_KIND], window_figures, value)


@numba.njit(
    "void(i8[::1], i8[::1], i8[::1], i8[::1], Tuple((i8[::1], i8[::1], f8[:,::1])), i8[:,::1],"
    " i8[:,::1], f8[:,::1])",
    **_OPTIONS,
)
def read_windows(
    rows: Any, at_ms: Any, starts: Any, counts: Any, buffer: Any, scans: Any, reads: Any, out: Any
) -> None:
    """What the buffers of `rows` (q,) say at `at_ms` (q,), of entries dated at or before it.

    The columns R_TARGET of `out` (q, k) are written; what compares with an event is NaN.
    """
    figures = np.empty((scans.shape[0], 7))
    for q in range(rows.shape[0]):
        start = starts[rows[q]]
        times = buffer[0][start : start + counts[rows[q]]]
        end = start + np.searchsorted(times, at_ms[q], side="right")
        _scanned(scans, start, end, at_ms[q], -1, buffer, figures)
        for r in range(reads.shape[0]):
            window_figures = figures[reads[r, R_SCAN]]
            out[q, reads[r, R_TARGET]] = _read_out(reads[r, R_KIND], window_figures, np.nan)
