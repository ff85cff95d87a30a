"""Compiled writing of JSON documents from columns: texts, whole numbers, times and floats."""

# numba keeps machine code by this file's time alone, with what it took from other files inside: so
# this file has to change with them. A test compares (tests/unit/streaming/messages/test_writer.py).
# BLAKE2b of digit_kernel.py: d9f0b37de500e1b2

from typing import Any

import numba
import numpy as np
from numba import types

from streaming.messages.digit_kernel import put_decimal, put_text, put_time, put_whole

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
_NOTHING, _TEN = np.uint64(0), np.uint64(10)  # signed numbers divide at twice the cost


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
            told = pieces[row, piece]
            if kinds[piece] == TEXT:
                at = put_text(
                    out, at, texts, text_bounds[np.uintp(told)], text_bounds[np.uintp(told + 1)]
                )
            elif kinds[piece] == WHOLE:
                at = put_whole(out, at, told)
            elif kinds[piece] == TIME:
                at = put_time(out, at, told)
            else:
                for number in range(told):
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
