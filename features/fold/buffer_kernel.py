"""The compiled insertion of an event into its entity's buffer."""

import math
from typing import Any

import numba

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
    time_ms, event_type, own = entry
    (starts, counts, dropped), (times, types, kept) = bounds, buffer
    max_entries, identity = limits
    start, end = starts[row], starts[row] + counts[row]
    if time_ms <= keep_after_ms:
        return -1
    place = end
    while place > start and times[place - 1] > time_ms:
        place -= 1
    if identity >= 0 and not math.isnan(own[identity]):
        twin = place - 1
        while twin >= start and times[twin] == time_ms:
            if types[twin] == event_type and kept[twin, identity] == own[identity]:
                return twin  # type: ignore[no-any-return]
            twin -= 1
    for j in range(end, place, -1):
        times[j], types[j] = times[j - 1], types[j - 1]
        kept[j] = kept[j - 1]
    times[place], types[place] = time_ms, event_type
    kept[place] = own
    counts[row] += 1
    if counts[row] > max_entries:
        starts[row] += 1
        counts[row] -= 1
        dropped[row] += 1
    return place if place >= starts[row] else -1
