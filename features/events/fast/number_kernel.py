"""Compiled reading of one JSON number: the float that is nearest to its decimal digits, or none.

Clinger (1990) for few digits, Lemire, "Number parsing at a gigabyte per second" (2021) for up to
19: every result is the correctly rounded one; what these cannot decide is left to the caller.
"""

from typing import Any

import numba
import numpy as np
import numpy.typing as npt

# Powers of ten whose 128 bits are kept; other exponents are left to the caller.
LOWEST_POWER, HIGHEST_POWER = -60, 40
# What `read_number` found.
REFUSED, WHOLE, FRACTION = 0, 1, 2

_MAX_DIGITS = 19  # 10^19 fits in 64 bits
_EXACT_POWER = 22  # 10^22 is a float; 10^23 is not
_U = np.uint64
_LOW_HALF, _HALF = _U(0xFFFFFFFF), _U(32)
_ZERO, _ONE, _TWO, _THREE = _U(0), _U(1), _U(2), _U(3)
_ALL = _U(0xFFFFFFFFFFFFFFFF)
_EXACT = _U(1 << 53)
_MASK = _U((1 << 9) - 1)  # the bits of a product that rounding never sees
_TOP = _U(63)
_FRACTION_BITS = _U(52)
_HIDDEN = _U(1 << 52)
_OVERFLOW = _U(1 << 53)


def powers_of_five() -> npt.NDArray[np.uint64]:
    """For each power q the upper and lower 64 bits of 5^q, scaled to 128 bits (101, 2)."""
    rows = []
    for q in range(LOWEST_POWER, HIGHEST_POWER + 1):
        power = 5 ** abs(q)
        if q < 0:  # rounded up: to 128 bits where the inverse is exact enough, else far behind them
            extra = 127 if q >= -27 else 300
            scaled = (1 << ((power - 1).bit_length() + extra)) // power + 1
        else:
            scaled = power << 128
        scaled >>= scaled.bit_length() - 128
        rows.append((scaled >> 64, scaled & ((1 << 64) - 1)))
    return np.array(rows, dtype=np.uint64)


@numba.njit(cache=True, error_model="numpy", inline="always")
def _product(x: Any, y: Any) -> Any:
    a, b, c, d = x & _LOW_HALF, x >> _HALF, y & _LOW_HALF, y >> _HALF
    low, ad, bc = a * c, a * d, b * c
    middle = (low >> _HALF) + (bc & _LOW_HALF) + (ad & _LOW_HALF)
    high = b * d + (bc >> _HALF) + (ad >> _HALF) + (middle >> _HALF)
    return high, (middle << _HALF) | (low & _LOW_HALF)


@numba.njit(cache=True, error_model="numpy")
def _nearest(digits: Any, power: int, fives: Any, word: Any) -> bool:
    """Write the bits of digits * 10^power into word[0]; false when they cannot be told."""
    if power < LOWEST_POWER or power > HIGHEST_POWER:
        return False
    zeros = 0
    w = digits
    while not w >> _TOP:
        w <<= _ONE
        zeros += 1
    high, low = _product(w, fives[power - LOWEST_POWER, 0])
    if high & _MASK == _MASK:
        more, _ = _product(w, fives[power - LOWEST_POWER, 1])
        low += more
        if more > low:
            high += _ONE
    if low == _ALL:
        return False
    upper = high >> _TOP
    shift = upper + _U(9)
    mantissa = high >> shift
    exponent = ((217706 * power) >> 16) + 63 + np.int64(upper) - zeros + 1023
    if exponent <= 0 or exponent >= 2046:
        return False
    halfway = low <= _ONE and -4 <= power <= 23 and mantissa & _THREE == _ONE
    if halfway and mantissa << shift == high:
        mantissa &= ~_ONE
    mantissa = (mantissa + (mantissa & _ONE)) >> _ONE
    if mantissa >= _OVERFLOW:
        mantissa = _HIDDEN
        exponent += 1
    word[0] = (mantissa & ~_HIDDEN) | (_U(exponent) << _FRACTION_BITS)
    return True


@numba.njit(cache=True, error_model="numpy", inline="always")
def read_number(raw: Any, at: int, end: int, tens: Any, fives: Any, word: Any, real: Any) -> Any:
    """Read the number at raw[at:end] into real[0]; where it ends, and what it is.

    tens (23,) powers of ten; word uint64 (1,) and real float64 (1,) are views of one number.
    REFUSED means: read it in another way. Minus zero, more than 19 digits and whatever is no
    JSON number are refused.
    """
    negative = at < end and raw[np.uintp(at)] == 45  # "-"
    if negative:
        at += 1
    digits, power = _ZERO, 0
    begin = at
    while at < end and 48 <= raw[np.uintp(at)] <= 57:
        digits = digits * _U(10) + _U(raw[np.uintp(at)] - 48)
        at += 1
    count = at - begin
    if count == 0 or (count > 1 and raw[np.uintp(begin)] == 48):
        return at, REFUSED
    if raw[np.uintp(begin)] == 48:
        count = 0  # zeros before the first other digit need no room
    kind = WHOLE
    if at < end and raw[np.uintp(at)] == 46:  # "."
        kind = FRACTION
        at += 1
        begin = at
        while at < end and 48 <= raw[np.uintp(at)] <= 57:
            digits = digits * _U(10) + _U(raw[np.uintp(at)] - 48)
            # Counted by themselves: `digits` wraps at 2^64, and may be zero again.
            count += 1 if count > 0 or raw[np.uintp(at)] != 48 else 0
            at += 1
        if at == begin:
            return at, REFUSED
        power = begin - at
    if at < end and (raw[np.uintp(at)] == 101 or raw[np.uintp(at)] == 69):  # "e", "E"
        kind = FRACTION
        at += 1
        falls = at < end and raw[np.uintp(at)] == 45
        if at < end and (raw[np.uintp(at)] == 45 or raw[np.uintp(at)] == 43):
            at += 1
        begin, exponent = at, np.int64(0)
        while at < end and 48 <= raw[np.uintp(at)] <= 57 and at - begin < 4:
            exponent = exponent * 10 + np.int64(raw[np.uintp(at)] - 48)
            at += 1
        if at == begin or (at < end and 48 <= raw[np.uintp(at)] <= 57):
            return at, REFUSED
        power += -int(exponent) if falls else int(exponent)
    if count > _MAX_DIGITS or (digits == _ZERO and negative):
        return at, REFUSED
    if digits == _ZERO:
        real[0] = 0.0
    elif digits <= _EXACT and -_EXACT_POWER <= power <= _EXACT_POWER:
        exact = np.float64(digits)
        real[0] = exact / tens[-power] if power < 0 else exact * tens[power]
    elif not _nearest(digits, power, fives, word):
        return at, REFUSED
    if negative:
        real[0] = -real[0]
    return at, kind
