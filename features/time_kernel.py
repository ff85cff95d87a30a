"""Compiled reading of an ISO 8601 time in UTC to milliseconds."""

from typing import Any

import numba
import numpy as np

_DAY_MS = 86_400_000


@numba.njit(cache=True, error_model="numpy", inline="always")
def _digits(raw: Any, at: int, count: int) -> Any:
    number = np.int64(0)
    for i in range(at, at + count):
        if raw[np.uintp(i)] < 48 or raw[np.uintp(i)] > 57:
            return -1
        number = number * 10 + (np.int64(raw[np.uintp(i)]) - 48)
    return number


@numba.njit(cache=True, error_model="numpy")
def _day(year: int, month: int, day: int) -> int:
    """Days since 1970 of a date; -1 when there is no such date, or it is earlier."""
    if year < 1970 or month < 1 or month > 12 or day < 1:
        return -1
    is_leap = year % 4 == 0 and (year % 100 != 0 or year % 400 == 0)
    days = 31 - (month == 4 or month == 6 or month == 9 or month == 11)
    if month == 2:
        days = 29 if is_leap else 28
    if day > days:
        return -1
    # Hinnant, "chrono-compatible low-level date algorithms": years begin in March.
    y = year - 1 if month <= 2 else year
    of_year = (153 * (month - 3 if month > 2 else month + 9) + 2) // 5 + day - 1
    return y // 400 * 146097 + y % 400 * 365 + y % 400 // 4 - y % 400 // 100 + of_year - 719468


@numba.njit(cache=True, error_model="numpy")
def read_time(raw: Any, at: int, end: int) -> Any:
    """Milliseconds of `"2026-01-31T23:59:59.123Z"` and where it ends; -1 when it is unusual."""
    if at + 22 > end or raw[np.uintp(at)] != 34 or raw[np.uintp(at + 11)] != 84:
        return -1, at
    if (
        raw[np.uintp(at + 5)] != 45
        or raw[np.uintp(at + 8)] != 45
        or raw[np.uintp(at + 14)] != 58
        or raw[np.uintp(at + 17)] != 58
    ):
        return -1, at
    hour, minute = _digits(raw, at + 12, 2), _digits(raw, at + 15, 2)
    second = _digits(raw, at + 18, 2)
    day = _day(_digits(raw, at + 1, 4), _digits(raw, at + 6, 2), _digits(raw, at + 9, 2))
    if day < 0 or hour < 0 or hour > 23 or minute < 0 or minute > 59 or second < 0 or second > 59:
        return -1, at
    milliseconds = day * _DAY_MS + hour * 3_600_000 + minute * 60_000 + second * 1000
    at += 20
    if raw[np.uintp(at)] == 46:  # ".": one to three digits, which are exact
        count = 0
        while count < 4 and at + 1 + count < end and 48 <= raw[np.uintp(at + 1 + count)] <= 57:
            count += 1
        if count < 1 or count > 3:
            return -1, at
        fraction = _digits(raw, at + 1, count)
        milliseconds += fraction * (100 if count == 1 else 10 if count == 2 else 1)
        at += 1 + count
    if at + 2 <= end and raw[np.uintp(at)] == 90 and raw[np.uintp(at + 1)] == 34:  # Z"
        return milliseconds, at + 2
    has_offset = (
        at + 7 <= end
        and raw[np.uintp(at)] == 43
        and raw[np.uintp(at + 3)] == 58
        and raw[np.uintp(at + 6)] == 34
    )
    if has_offset and _digits(raw, at + 1, 2) == 0 and _digits(raw, at + 4, 2) == 0:  # +00:00"
        return milliseconds, at + 7
    return -1, at
