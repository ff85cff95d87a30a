"""Compiled reading of one value of an event: a number, a choice, a time or the entity's id."""

from typing import Any

import numba
import numpy as np

from features.events.fast.json_kernel import NOT_FINITE, VALID, read_scalar
from features.events.fast.number_kernel import REFUSED, WHOLE, read_number
from features.events.fast.time_kernel import read_time

# What a key's value must be.
TYPE, TIME, ENTITY, REAL, INTEGER, CATEGORY = range(6)
# Columns of `keys`: kind, first choice, number of choices, column of `values` (-1: none).
KIND, FIRST_CHOICE, CHOICES, COLUMN = range(4)
_MOST_WHOLE = 9007199254740992.0  # 2^53: beyond it a float may stand for several whole numbers


@numba.njit(cache=True, error_model="numpy", inline="always")
def after_spaces(raw: Any, at: int, end: int) -> int:
    """The first place from `at` on that holds no blank."""
    while at < end and raw[np.uintp(at)] == 32:
        at += 1
    return at


@numba.njit(cache=True, error_model="numpy", inline="always")
def after_text(raw: Any, at: int, end: int, texts: Any, begin: int, stop: int) -> int:
    """Where texts[begin:stop] ends in `raw` when it stands at `at`; else -1."""
    size = stop - begin
    if at + size > end:
        return -1
    for i in range(size):
        if raw[np.uintp(at + i)] != texts[np.uintp(begin + i)]:
            return -1
    return at + size


@numba.njit(cache=True, error_model="numpy")
def _choice(raw: Any, at: int, end: int, texts: Any, bounds: Any, first: int, count: int) -> Any:
    """Which of `count` texts from `first` on stands at `at`, and where it ends; -1: none."""
    for choice in range(count):
        after = after_text(raw, at, end, texts, bounds[first + choice], bounds[first + choice + 1])
        if after >= 0:
            return choice, after
    return -1, at


@numba.njit(cache=True, error_model="numpy")
def _after_entity(raw: Any, at: int, end: int, key: Any) -> Any:
    """Where the string at `at` ends when it is `key` in plain ASCII; else -1."""
    size = key.shape[0]
    if (
        size < 1
        or size > 512
        or at + size + 2 > end
        or raw[np.uintp(at)] != 34
        or raw[np.uintp(at + size + 1)] != 34
    ):
        return -1
    for i in range(size):
        byte = raw[np.uintp(at + 1 + i)]
        if byte != key[np.uintp(i)] or byte < 32 or byte > 126 or byte == 34 or byte == 92:
            return -1
    return at + size + 2


@numba.njit(cache=True, error_model="numpy")
def _after_plain_string(raw: Any, at: int, end: int) -> int:
    """Where the string at `at` ends when it is plain ASCII without escapes; else -1."""
    if at >= end or raw[np.uintp(at)] != 34:
        return -1
    at += 1
    while at < end and 32 <= raw[np.uintp(at)] <= 126 and raw[np.uintp(at)] != 92:
        if raw[np.uintp(at)] == 34:
            return at + 1
        at += 1
    return -1


@numba.njit(cache=True, error_model="numpy")
def after_ignored(raw: Any, at: int, end: int, places: Any, first: int, count: int) -> int:
    """Where an ignored member ends; -1 when it is unusual, or one of the `count` others again.

    places: from `first` on begin and length of the keys of this event's ignored members; this one
    is added. Usual are keys and strings in plain ASCII, numbers, true, false and null.
    """
    begin = at
    at = _after_plain_string(raw, at, end)
    place = first + 2 * count
    if at < 0 or place >= places.shape[0]:
        return -1
    places[place], places[place + 1] = begin, at - begin
    for other in range(first, place, 2):
        if places[other + 1] == at - begin:
            twin, is_same = places[other], True
            for i in range(at - begin):
                is_same &= raw[np.uintp(twin + i)] == raw[np.uintp(begin + i)]
            if is_same:
                return -1
    at = after_spaces(raw, at, end)
    if at >= end or raw[np.uintp(at)] != 58:  # ":"
        return -1
    at = after_spaces(raw, at + 1, end)
    if at >= end:
        return -1
    if raw[np.uintp(at)] == 34:
        return _after_plain_string(raw, at, end)
    fault, kind, at = read_scalar(raw, at, end)
    return at if fault == VALID and kind != NOT_FINITE else -1


@numba.njit(cache=True, error_model="numpy", inline="always")
def read_value(
    raw: Any,
    at: int,
    end: int,
    row_key: Any,
    declared: Any,
    lowest: float,
    highest: float,
    texts: Any,
    text_bounds: Any,
    powers: Any,
    word: Any,
    real: Any,
) -> Any:
    """Read the value of a `declared` key into real[0]; where it ends, -1 when it is unusual."""
    kind = declared[KIND]
    if kind in (REAL, INTEGER):
        after, told = read_number(raw, at, end, powers[0], powers[1], word, real)
        if told == REFUSED or not lowest <= real[0] <= highest:
            return -1
        is_whole = told == WHOLE and abs(real[0]) < _MOST_WHOLE
        return -1 if kind == INTEGER and not is_whole else after
    if kind == ENTITY:
        real[0] = 0.0
        return _after_entity(raw, at, end, row_key)
    if kind == TIME:
        told, after = read_time(raw, at, end)
        real[0] = np.float64(told)
        return -1 if told < 0 else after
    first, count = declared[FIRST_CHOICE], declared[CHOICES]
    told, after = _choice(raw, at, end, texts, text_bounds, first, count)
    real[0] = np.float64(told)
    return -1 if told < 0 else after
