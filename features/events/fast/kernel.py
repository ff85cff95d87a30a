"""Compiled reading of flat JSON events in the usual shape; whatever is unusual is left alone."""

# numba keeps machine code by this file's time alone, with what it took from other files inside: so
# this file has to change with them. A test compares (`test_quick_reader.py`).
# BLAKE2b of json_kernel.py, number_kernel.py, time_kernel.py and value_kernel.py: 6b79614a63e02f19

from typing import Any

import numba
import numpy as np
from numba import types

from features.events.fast.value_kernel import (
    COLUMN,
    KIND,
    TIME,
    TYPE,
    after_ignored,
    after_spaces,
    after_text,
    read_value,
)

# More ignored members than these are left to the strict reader: each is compared with all others.
MOST_IGNORED = 16

# What is only read may come from bytes, which nobody may write.
_BYTES = types.Array(types.uint8, 1, "C", readonly=True)
_INTS = types.Array(types.int64, 1, "C", readonly=True)
_TABLE = types.Array(types.int64, 2, "C", readonly=True)
_FLOATS = types.Array(types.float64, 1, "C", readonly=True)
_FLAGS = types.Array(types.boolean, 1, "C", readonly=True)
_FLAG_TABLE = types.Array(types.boolean, 2, "C", readonly=True)
_FIVES = types.Array(types.uint64, 2, "C", readonly=True)
_POWERS: Any = types.Tuple((_FLOATS, _FIVES))  # type: ignore[no-untyped-call]


@numba.njit(cache=True, error_model="numpy", inline="always")
def _known_key(raw: Any, at: int, end: int, names: Any, bounds: Any, guess: int) -> Any:
    """Which known key stands at `at`, and where it ends; -1: none.

    Producers keep an order, so the key behind the last one is tried first.
    """
    count = bounds.shape[0] - 1
    for step in range(count):
        which = (guess + step) % count
        after = after_text(raw, at, end, names, bounds[which], bounds[which + 1])
        if after >= 0:
            return which, after
    return -1, at


@numba.njit(cache=True, error_model="numpy", inline="always")
def _read_event(
    raw: Any,
    at: int,
    end: int,
    row_key: Any,
    row: int,
    names: Any,
    name_bounds: Any,
    keys: Any,
    lowest: Any,
    highest: Any,
    texts: Any,
    text_bounds: Any,
    powers: Any,
    word: Any,
    real: Any,
    seen: Any,
    envelope: Any,
    values: Any,
    ignores: bool,
) -> bool:
    """Read one event's members; false when anything is unusual.

    seen (q + 2 k,): each key's last row, then the places of k ignored keys; `ignores`: whether
    other keys than the known ones are usual.
    """
    at = after_spaces(raw, at, end)
    if at >= end or raw[np.uintp(at)] != 123:  # "{"
        return False
    guess, ignored = 0, 0
    while True:
        which, at = _known_key(raw, after_spaces(raw, at + 1, end), end, names, name_bounds, guess)
        if which >= 0:
            if seen[which] == row:
                return False
            seen[which] = row
            guess = which + 1
            at = after_spaces(raw, at, end)
            if at >= end or raw[np.uintp(at)] != 58:  # ":"
                return False
            at = read_value(
                raw,
                after_spaces(raw, at + 1, end),
                end,
                row_key,
                keys[which],
                lowest[which],
                highest[which],
                texts,
                text_bounds,
                powers,
                word,
                real,
            )
            if at < 0:
                return False
            if keys[which, COLUMN] >= 0:
                values[keys[which, COLUMN]] = real[0]
            else:
                envelope[keys[which, KIND]] = real[0]
        elif ignores:
            at = after_ignored(raw, at, end, seen, keys.shape[0], ignored)
            if at < 0:
                return False
            ignored += 1
        else:
            return False
        at = after_spaces(raw, at, end)
        if at >= end or raw[np.uintp(at)] != 44:  # ","
            break
    return at < end and raw[np.uintp(at)] == 125 and after_spaces(raw, at + 1, end) == end  # "}"


_SIGNATURE: Any = types.void(
    *(_BYTES, _INTS, _BYTES, _INTS, _FLAGS, _INTS),
    *(_BYTES, _INTS, _TABLE, _FLOATS, _FLOATS, _BYTES, _INTS),
    *(_FLAG_TABLE, _FLAG_TABLE, _POWERS),
    *(types.boolean[::1], types.int64[::1], types.int64[::1], types.float64[:, ::1]),
)


@numba.njit(cache=True, error_model="numpy", inline="always")
def _read_all(
    raw: Any,
    raw_bounds: Any,
    key: Any,
    key_bounds: Any,
    skipped: Any,
    latest_ms: Any,
    names: Any,
    name_bounds: Any,
    keys: Any,
    lowest: Any,
    highest: Any,
    texts: Any,
    text_bounds: Any,
    allowed: Any,
    required: Any,
    powers: Any,
    is_read: Any,
    type_codes: Any,
    times_ms: Any,
    values: Any,
    ignores: bool,
) -> None:
    word = np.zeros(1, dtype=np.uint64)
    real = word.view(np.float64)
    # The places of ignored keys stand behind.
    seen = np.full(keys.shape[0] + 2 * MOST_IGNORED, -1, dtype=np.int64)
    envelope = np.zeros(3)
    for row in range(is_read.shape[0]):
        if skipped[row]:
            continue
        values[row] = np.nan
        if not _read_event(
            raw,
            raw_bounds[row],
            raw_bounds[row + 1],
            key[key_bounds[row] : key_bounds[row + 1]],
            row,
            names,
            name_bounds,
            keys,
            lowest,
            highest,
            texts,
            text_bounds,
            powers,
            word,
            real,
            seen,
            envelope,
            values[row],
            ignores,
        ):
            continue
        times_ms[row] = np.int64(envelope[TIME])
        type_codes[row] = np.int64(envelope[TYPE])
        fits = times_ms[row] <= latest_ms[row] if seen[0] == row else False
        for which in range(keys.shape[0]):
            has = seen[which] == row
            fits &= allowed[type_codes[row], which] if has else True
            fits &= has or not required[type_codes[row], which]
        is_read[row] = fits


@numba.njit(_SIGNATURE, cache=True, error_model="numpy", nogil=True)
def read_events(
    raw: Any,
    raw_bounds: Any,
    key: Any,
    key_bounds: Any,
    skipped: Any,
    latest_ms: Any,
    names: Any,
    name_bounds: Any,
    keys: Any,
    lowest: Any,
    highest: Any,
    texts: Any,
    text_bounds: Any,
    allowed: Any,
    required: Any,
    powers: Any,
    is_read: Any,
    type_codes: Any,
    times_ms: Any,
    values: Any,
) -> None:
    """Read n events; is_read (n,) tells which were in the usual shape and broke no rule.

    raw, raw_bounds (n + 1,)     the events' bytes; key, key_bounds: those of their record keys
    skipped (n,)                 rows not to look at, nor to write to
    latest_ms (n,)               the latest event time that a row may have
    names, name_bounds (q + 1,)  the q known keys, quoted; keys (q, 4), lowest and highest (q,):
                                 their kinds, choices, columns and ranges
    texts, text_bounds           the choices, quoted
    allowed, required (t, q)     which keys an event type may and must have
    powers                       of ten and of five, for `read_number`
    type_codes, times_ms (n,), values (n, f) are written; rows that are not read hold anything
    """
    _read_all(
        raw,
        raw_bounds,
        key,
        key_bounds,
        skipped,
        latest_ms,
        names,
        name_bounds,
        keys,
        lowest,
        highest,
        texts,
        text_bounds,
        allowed,
        required,
        powers,
        is_read,
        type_codes,
        times_ms,
        values,
        False,
    )


@numba.njit(_SIGNATURE, cache=True, error_model="numpy", nogil=True)
def read_events_and_ignore(
    raw: Any,
    raw_bounds: Any,
    key: Any,
    key_bounds: Any,
    skipped: Any,
    latest_ms: Any,
    names: Any,
    name_bounds: Any,
    keys: Any,
    lowest: Any,
    highest: Any,
    texts: Any,
    text_bounds: Any,
    allowed: Any,
    required: Any,
    powers: Any,
    is_read: Any,
    type_codes: Any,
    times_ms: Any,
    values: Any,
) -> None:
    """The same; other keys than the known ones are usual, too."""
    _read_all(
        raw,
        raw_bounds,
        key,
        key_bounds,
        skipped,
        latest_ms,
        names,
        name_bounds,
        keys,
        lowest,
        highest,
        texts,
        text_bounds,
        allowed,
        required,
        powers,
        is_read,
        type_codes,
        times_ms,
        values,
        True,
    )
