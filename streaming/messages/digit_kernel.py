"""Compiled writing of one text, number or time into a buffer of bytes."""

from typing import Any

import numba
import numpy as np

DAY_MS = 86_400_000

# Digits are divided off without a sign: with one, each division checks for a negative remainder.
_NONE, _TEN, _ZERO = np.uint64(0), np.uint64(10), np.uint64(48)


@numba.njit(cache=True, error_model="numpy")
def put_text(out: Any, at: Any, content: Any, begin: Any, end: Any) -> Any:
    """Copy content[begin:end] to `at`; where it ends, as all of these tell."""
    for i in range(begin, end):
        out[np.uintp(at)] = content[np.uintp(i)]
        at += 1
    return at


@numba.njit(cache=True, error_model="numpy")
def put_digits(out: Any, at: Any, number: Any, count: Any) -> Any:
    """The last `count` digits of `number`."""
    left = np.uint64(number)
    for i in range(at + count - 1, at - 1, -1):
        out[np.uintp(i)] = _ZERO + left % _TEN
        left //= _TEN
    return at + count


@numba.njit(cache=True, error_model="numpy")
def put_whole(out: Any, at: Any, number: Any) -> Any:
    """The decimal digits of a whole number."""
    if number < 0:
        out[np.uintp(at)] = 45  # "-"
        at += 1
        number = -number
    digits, rest = 1, np.uint64(number) // _TEN
    while rest > _NONE:
        digits += 1
        rest //= _TEN
    return put_digits(out, at, number, digits)


@numba.njit(cache=True, error_model="numpy")
def put_time(out: Any, at: Any, epoch_ms: Any) -> Any:
    """`2026-01-31T23:59:59.123000Z`, without a fraction when it is zero."""
    days, ms = epoch_ms // DAY_MS, epoch_ms % DAY_MS
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
    """A float that `decimals` digits behind the point tell exactly."""
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
