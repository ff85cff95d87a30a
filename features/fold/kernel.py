"""The compiled fold: one loop over events in offset order, driven by a plan of operations.

Pure arithmetic on arrays, no clock, no Python objects; the same machine code runs in the stream
and over a snapshot, so features are equal to the bit.
"""

import math
from typing import Any

import numba
import numpy as np

# Operations on state slots (column `OP_CODE` of the plan's operations).
SET_LAST, ADD_ONE, ADD_VALUE, KEEP_MIN, KEEP_MAX, KEEP_TIME, DECAY_ADD, MOVE = range(8)
SET_GAP, SET_HOUR, SET_WEEKEND, SET_HOUR_IN = range(8, 12)
# Columns of an operation, int64: code, state slot, values column (-1: none),
# values column of the condition (-1: none), category code of the condition.
OP_CODE, OP_SLOT, OP_FIELD, OP_WHERE_FIELD, OP_WHERE_CODE = range(5)
# Read-outs of features: kind, state slot, column of the feature row.
READ_VALUE, READ_RATIO, READ_DAYS_SINCE, READ_DECAYED = range(4)

MS_PER_DAY = 86_400_000.0
MS_PER_HOUR = 3_600_000


@numba.njit(cache=True, error_model="numpy")
def _apply(op: Any, rate: float, values: Any, event_ms: int, state: Any) -> None:
    if op[OP_WHERE_FIELD] >= 0 and values[op[OP_WHERE_FIELD]] != op[OP_WHERE_CODE]:
        return
    value = 1.0
    if op[OP_FIELD] >= 0:
        value = values[op[OP_FIELD]]
        if math.isnan(value):
            return
    code, slot = op[OP_CODE], op[OP_SLOT]
    if code == SET_LAST:
        state[slot] = value
    elif code == ADD_ONE:
        state[slot] += 1.0
    elif code == ADD_VALUE:
        state[slot] += value
    elif code == KEEP_MIN:
        if not state[slot] <= value:
            state[slot] = value
    elif code == KEEP_MAX:
        if not state[slot] >= value:
            state[slot] = value
    elif code == KEEP_TIME:
        if not state[slot] >= event_ms:
            state[slot] = float(event_ms)
    elif code == MOVE:
        state[slot] = value if math.isnan(state[slot]) else state[slot] + value
    elif code == DECAY_ADD:
        _decay_add(state, slot, value, event_ms, rate)
    elif code == SET_GAP:
        # Slot holds the gap in days, slot + 1 the latest time of such an event.
        gap_ms = event_ms - state[slot + 1]
        state[slot] = gap_ms / MS_PER_DAY if not gap_ms < 0.0 else 0.0
        if not state[slot + 1] >= event_ms:
            state[slot + 1] = float(event_ms)
    elif code == SET_HOUR:
        state[slot] = float(event_ms // MS_PER_HOUR % 24)
    elif code == SET_WEEKEND:
        # Day 0 was a Thursday, so days 2 and 3 of its week are the weekend.
        weekday = event_ms // (24 * MS_PER_HOUR) % 7
        state[slot] = 1.0 if weekday == 2 or weekday == 3 else 0.0
    elif code == SET_HOUR_IN:
        hours = int(rate)  # one bit per hour
        state[slot] = float((hours >> (event_ms // MS_PER_HOUR % 24)) & 1)


@numba.njit(cache=True, error_model="numpy")
def _decay_add(state: Any, slot: int, weight: float, event_ms: int, rate: float) -> None:
    # Slot holds the decayed sum, slot + 1 the time it refers to: the latest event time folded.
    reference_ms = state[slot + 1]
    if math.isnan(reference_ms):
        state[slot] = weight
        state[slot + 1] = float(event_ms)
    elif event_ms >= reference_ms:
        age_days = (event_ms - reference_ms) / MS_PER_DAY
        state[slot] = state[slot] * math.exp(-rate * age_days) + weight
        state[slot + 1] = float(event_ms)
    else:
        age_days = (reference_ms - event_ms) / MS_PER_DAY
        state[slot] += weight * math.exp(-rate * age_days)


@numba.njit(cache=True, error_model="numpy")
def _read(kind: int, slot: int, rate: float, state: Any, now_ms: int) -> float:
    if kind == READ_VALUE:
        return state[slot]  # type: ignore[no-any-return]
    if kind == READ_RATIO:
        return np.nan if state[slot + 1] == 0.0 else state[slot] / state[slot + 1]
    if kind == READ_DAYS_SINCE:
        return (now_ms - state[slot]) / MS_PER_DAY  # type: ignore[no-any-return]
    if math.isnan(state[slot + 1]):
        return 0.0
    age_days = (now_ms - state[slot + 1]) / MS_PER_DAY
    return state[slot] * math.exp(-rate * age_days)  # type: ignore[no-any-return]


@numba.njit(
    "void(i8[::1], i8[::1], i8[::1], f8[:,::1], i8[::1], i8[:,::1], f8[::1], i8[:,::1], f8[::1],"
    " f8[:,::1], i8[::1], f8[:,::1], i8[::1])",
    cache=True,
    fastmath=False,
    error_model="numpy",
    nogil=True,
)
def fold_events(
    entity_rows: Any,
    type_codes: Any,
    times_ms: Any,
    values: Any,
    first_op: Any,
    ops: Any,
    op_rates: Any,
    reads: Any,
    read_rates: Any,
    slots: Any,
    latest_ms: Any,
    features: Any,
    as_of_ms: Any,
) -> None:
    """Fold n events into the states of e entities and write the features after each event.

    entity_rows (n,)      row of the event's entity in `slots` and `latest_ms`
    type_codes  (n,)      event type; its operations are ops[first_op[t] : first_op[t + 1]]
    times_ms    (n,)      event time, UTC epoch ms
    values      (n, f)    event fields, NaN where absent
    ops         (o, 5)    see the constants above; op_rates (o,) decay per day (1/day)
    reads       (r, 3)    see the constants above; read_rates (r,) decay per day (1/day)
    slots       (e, s)    changed in place
    latest_ms   (e,)      latest event time seen, changed in place
    features    (n, k)    written in the columns that `reads` name
    as_of_ms    (n,)      written: the time that the features of each event refer to
    """
    # Most operations keep a field's last value and most read-outs tell a slot. Done here, without
    # the functions that can do everything, an event with twenty of both takes a tenth of the time.
    for i in range(entity_rows.shape[0]):
        row = np.uintp(entity_rows[i])
        event_ms = times_ms[i]
        for o in range(first_op[type_codes[i]], first_op[type_codes[i] + 1]):
            field = ops[o, OP_FIELD]
            if ops[o, OP_CODE] == SET_LAST and ops[o, OP_WHERE_FIELD] < 0 <= field:
                if not math.isnan(values[i, np.uintp(field)]):
                    slots[row, np.uintp(ops[o, OP_SLOT])] = values[i, np.uintp(field)]
            else:
                _apply(ops[o], op_rates[o], values[i], event_ms, slots[row])
        if event_ms > latest_ms[row]:
            latest_ms[row] = event_ms
        now_ms = latest_ms[row]
        as_of_ms[i] = now_ms
        for k in range(reads.shape[0]):
            if reads[k, 0] == READ_VALUE:
                value = slots[row, np.uintp(reads[k, 1])]
            else:
                value = _read(reads[k, 0], reads[k, 1], read_rates[k], slots[row], now_ms)
            features[i, np.uintp(reads[k, 2])] = value


@numba.njit(
    "void(i8[:,::1], f8[::1], f8[:,::1], i8[::1], f8[:,::1])",
    cache=True,
    fastmath=False,
    error_model="numpy",
    nogil=True,
)
def read_states(reads: Any, read_rates: Any, slots: Any, now_ms: Any, features: Any) -> None:
    """Write what e states say at `now_ms` (e,), without an event, into `features` (e, k).

    The same read-outs as after an event in `fold_events`; slots (e, s) are only read.
    """
    for e in range(slots.shape[0]):
        for k in range(reads.shape[0]):
            value = _read(reads[k, 0], reads[k, 1], read_rates[k], slots[e], now_ms[e])
            features[e, reads[k, 2]] = value
