"""Compiled writing of JSON documents from columns: texts, whole numbers, times and floats."""

from typing import Any

import numba
import numpy as np
from numba import types

# Kinds of pieces: a text by its number, a whole number, a time in UTC epoch milliseconds, floats.
TEXT, WHOLE, TIME, FLOAT = range(4)
# What stands for the decimals of a float that is written elsewhere, and of one that is missing.
HARD, MISSING = -1, -2

# What is only read may come from bytes, which nobody may write.
_BYTES = types.Array(types.uint8, 1, "C", readonly=True)
_INTS = types.Array(types.int64, 1, "C", readonly=True)
_TABLE = types.Array(types.int64, 2, "C", readonly=True)
_FLOATS = types.Array(types.float64, 2, "C", readonly=True)
_DECIMALS = types.Array(types.int8, 2, "C", readonly=True)

_MOST_DECIMALS = 6
_POWER = 10.0**_MOST_DECIMALS
# Digits are divided off without a sign: with one, each division checks for a negative remainder,
# at twice the cost.
_NOTHING, _TEN, _ZERO = np.uint64(0), np.uint64(10), np.uint64(48)
_DAY_MS = 86_400_000


@numba.njit(cache=True, error_model="numpy")
def put_text(out: Any, at: Any, content: Any, begin: Any, end: Any) -> Any:
    """Copy content[begin:end] to `at`; where it ends, as all of these functions return."""
    for i in range(begin, end):
        out[np.uintp(at)] = content[np.uintp(i)]
        at += 1
    return at


@numba.njit(cache=True, error_model="numpy")
def put_digits(out: Any, at: Any, number: Any, count: Any) -> Any:
    """The last `count` digits of `number`."""
    rest = np.uint64(number)
    for i in range(at + count - 1, at - 1, -1):
        out[np.uintp(i)] = _ZERO + rest % _TEN
        rest //= _TEN
    return at + count


@numba.njit(cache=True, error_model="numpy")
def put_whole(out: Any, at: Any, number: Any) -> Any:
    """The decimal digits of a whole number."""
    if number < 0:
        out[np.uintp(at)] = 45  # "-"
        at += 1
        number = -number
    digits, rest = 1, np.uint64(number) // _TEN
    while rest > _NOTHING:
        digits += 1
        rest //= _TEN
    return put_digits(out, at, number, digits)


@numba.njit(cache=True, error_model="numpy")
def put_time(out: Any, at: Any, epoch_ms: Any) -> Any:
    """`2026-01-31T23:59:59.123000Z`, without a fraction when it is zero."""
    days, ms = epoch_ms // _DAY_MS, epoch_ms % _DAY_MS
    # Hinnant, "chrono-compatible low-level date algorithms": years begin in March.
    shifted = days + 719468
    era, of_era = shifted // 146097, shifted % 146097
    year = (of_era - of_era // 1460 + of_era // 36524 - of_era // 146096) // 365
    of_year = of_era - (365 * year + year // 4 - year // 100)
    month = (5 * of_year + 2) // 153
    day = of_year - (153 * month + 2) // 5 + 1
    month = month + 3 if month < 10 else month - 9
    year += era * 400 + (1 if month <= 2 else 0)
    at = put_digits(out, at, year, 4)
    out[np.uintp(at)] = 45  # "-"
    at = put_digits(out, at + 1, month, 2)
    out[np.uintp(at)] = 45
    at = put_digits(out, at + 1, day, 2)
    out[np.uintp(at)] = 84  # "T"
    at = put_digits(out, at + 1, ms // 3_600_000, 2)
    out[np.uintp(at)] = 58  # ":"
    at = put_digits(out, at + 1, ms // 60_000 % 60, 2)
    out[np.uintp(at)] = 58
    at = put_digits(out, at + 1, ms // 1000 % 60, 2)
    if ms % 1000:
        out[np.uintp(at)] = 46  # "."
        at = put_digits(out, at + 1, ms % 1000 * 1000, 6)
    out[np.uintp(at)] = 90  # "Z"
    return at + 1


@numba.njit(cache=True, error_model="numpy")
def put_decimal(out: Any, at: Any, number: float, decimals: int) -> Any:
    """A float that `decimals` digits behind the point give exactly."""
    if number < 0:
        out[np.uintp(at)] = 45  # "-"
        at += 1
    power = 1
    for _ in range(decimals):
        power *= 10
    scaled = np.int64(np.rint(abs(number) * power))
    at = put_whole(out, at, scaled // power)
    out[np.uintp(at)] = 46  # "."
    return put_digits(out, at + 1, scaled % power, decimals)


@numba.njit(
    types.void(types.Array(types.float64, 1, "C", readonly=True), types.int8[::1]),
    cache=True,
    error_model="numpy",
    nogil=True,
)
def decimals_of(numbers: Any, decimals: Any) -> None:
    """For each of n numbers how few decimals (1 to 6) tell it exactly; else HARD or MISSING.

    m / 10^d is the float nearest to that decimal (both are exact), so when it is the number, its
    d decimals tell it: up to 15 digits no two decimals share a float. What fewer decimals tell, six
    tell as well, with zeros behind.
    """
    for i in range(numbers.shape[0]):
        size = abs(numbers[i])
        decimals[i] = HARD
        if np.isnan(size):
            decimals[i] = MISSING
        elif size == 0.0 and not np.signbit(numbers[i]):
            decimals[i] = 1
        elif 1e-3 <= size < 1e9:
            scaled = np.rint(size * _POWER)
            if scaled / _POWER == size:
                digits, count = np.uint64(scaled), _MOST_DECIMALS
                while count > 1 and digits % _TEN == _NOTHING:
                    digits //= _TEN
                    count -= 1
                decimals[i] = count


@numba.njit(
    types.void(
        *(_INTS, _TABLE, _BYTES, _INTS, _FLOATS, _DECIMALS, _BYTES, _INTS, types.int64),
        *(types.uint8[::1], types.int64[::1], types.int64[::1]),
    ),
    cache=True,
    error_model="numpy",
    nogil=True,
)
def write_documents(
    kinds: Any,
    pieces: Any,
    texts: Any,
    text_bounds: Any,
    numbers: Any,
    decimals: Any,
    hard: Any,
    hard_bounds: Any,
    row_pieces: int,
    out: Any,
    row_ends: Any,
    ends: Any,
) -> None:
    """Write n documents one after the other into `out`; where each ends into `ends` (n,).

    kinds (p,)         of the pieces; pieces int64 (n, p): number of a text, whole number, time, or
                       how many of the row's `numbers` follow, with commas between them
    texts, text_bounds the texts; numbers (n, f) with `decimals` of the same shape
    hard, hard_bounds  the texts of hard numbers in row order, each behind one byte
    row_ends (n,)      where the first `row_pieces` pieces end
    """
    at, next_hard = 0, 0
    for row in range(pieces.shape[0]):
        column = 0
        for piece in range(kinds.shape[0]):
            if piece == row_pieces:
                row_ends[row] = at
            value = pieces[row, piece]
            if kinds[piece] == TEXT:
                at = put_text(
                    out, at, texts, text_bounds[np.uintp(value)], text_bounds[np.uintp(value + 1)]
                )
            elif kinds[piece] == WHOLE:
                at = put_whole(out, at, value)
            elif kinds[piece] == TIME:
                at = put_time(out, at, value)
            else:
                for number in range(value):
                    if number:
                        out[np.uintp(at)] = 44  # ","
                        at += 1
                    kind = decimals[row, column]
                    if kind == MISSING:
                        (
                            out[np.uintp(at)],
                            out[np.uintp(at + 1)],
                            out[np.uintp(at + 2)],
                            out[np.uintp(at + 3)],
                        ) = 110, 117, 108, 108
                        at += 4
                    elif kind == HARD:
                        begin, end = (
                            hard_bounds[np.uintp(next_hard)] + 1,
                            hard_bounds[np.uintp(next_hard + 1)],
                        )
                        at = put_text(out, at, hard, begin, end)
                        next_hard += 1
                    else:
                        at = put_decimal(out, at, numbers[row, column], kind)
                    column += 1
        ends[row] = at


@numba.njit(
    types.void(_BYTES, _INTS, _INTS, types.uint8[::1]),
    cache=True,
    error_model="numpy",
    nogil=True,
)
def with_brace(content: Any, begins: Any, sizes: Any, out: Any) -> None:
    """Copy n pieces of `content` with a brace behind each; sizes (n,) count it, 0 means nothing."""
    at = 0
    for row in range(begins.shape[0]):
        begin, size = begins[row], sizes[row]
        if size == 0:
            continue
        at = put_text(out, at, content, begin, begin + size - 1)
        out[np.uintp(at)] = 125  # "}"
        at += 1
