"""Compiled reading of a time to milliseconds (rule 6 of features/events/rules.py), unescaped."""

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
def _decimals(raw: Any, at: int, end: int) -> Any:
    """Decimals of a second as milliseconds, the nearest, a half to the even one; where they end."""
    begin = at
    milliseconds, fourth, rest = np.int64(0), np.int64(0), np.int64(0)
    while at < end and 48 <= raw[np.uintp(at)] <= 57:
        digit = np.int64(raw[np.uintp(at)]) - 48
        if at - begin < 3:
            milliseconds = milliseconds * 10 + digit
        elif at - begin == 3:
            fourth = digit
        else:
            rest |= digit
        at += 1
    count = at - begin
    if count == 0:
        return -1, at
    milliseconds *= 100 if count == 1 else 10 if count == 2 else 1
    if fourth > 5 or (fourth == 5 and (rest or milliseconds % 2 == 1)):
        milliseconds += 1
    return milliseconds, at


@numba.njit(cache=True, error_model="numpy")
def _zone(raw: Any, at: int, end: int) -> Any:
    """Minutes that a time's zone is ahead of UTC, and where it ends; -1: none."""
    if at < end and (raw[np.uintp(at)] == 90 or raw[np.uintp(at)] == 122):  # "Z", "z"
        return 0, at + 1
    if at + 5 >= end or (raw[np.uintp(at)] != 43 and raw[np.uintp(at)] != 45):  # "+", "-"
        return 0, -1
    colon = 1 if raw[np.uintp(at + 3)] == 58 else 0
    if at + 5 + colon > end:
        return 0, -1
    hours, minutes = _digits(raw, at + 1, 2), _digits(raw, at + 3 + colon, 2)
    if hours < 0 or hours > 23 or minutes < 0 or minutes > 59:
        return 0, -1
    ahead = hours * 60 + minutes
    return -ahead if raw[np.uintp(at)] == 45 else ahead, at + 5 + colon


@numba.njit(cache=True, error_model="numpy")
def read_time(raw: Any, at: int, end: int) -> Any:
    """Milliseconds of `"2026-01-31T23:59:59.123Z"` and where it ends; -1 when it is unusual."""
    if at + 22 > end or raw[np.uintp(at)] != 34:
        return -1, at
    middle = raw[np.uintp(at + 11)]
    if (
        (middle != 84 and middle != 116 and middle != 32)  # "T", "t", " "
        or raw[np.uintp(at + 5)] != 45
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
    if raw[np.uintp(at)] == 46:  # "."
        decimals, at = _decimals(raw, at + 1, end)
        if decimals < 0:
            return -1, at
        milliseconds += decimals
    ahead, at = _zone(raw, at, end)
    if at < 0 or at >= end or raw[np.uintp(at)] != 34:
        return -1, at
    milliseconds -= ahead * 60_000
    return milliseconds if milliseconds >= 0 else -1, at + 1
