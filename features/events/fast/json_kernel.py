"""Compiled reading of any JSON text: is it valid, and where are its objects' members?

Without recursion, so what it accepts depends on the text alone; linear in the text's length.
"""

from typing import Any

import numba
import numpy as np
from numba import types

# What was found wrong, or nothing.
(
    VALID,
    TOO_DEEP,
    NO_VALUE,
    NO_KEY,
    NO_COLON,
    NO_COMMA,
    NO_END,
    CONTROL,
    BAD_ESCAPE,
    HALF_PAIR,
    MORE,
    NO_NUMBER,
) = range(12)
# Kinds of values. NOT_FINITE is NaN, Infinity and -Infinity, which JSON does not have.
OBJECT, LIST, STRING, NUMBER, TRUE, FALSE, NULL, NOT_FINITE = range(8)
# Columns of `members`. OWNER numbers the objects in the order in which they begin; the kind and the
# value's place are written for the members of the outermost object only. Places of keys and strings
# are those between the quotes.
OWNER, KEY_BEGIN, KEY_END, KEY_IS_ESCAPED, KIND, BEGIN, END, IS_ESCAPED = range(8)
MEMBER_COLUMNS = 8
# No member is shorter: what stands before it, two quotes and a colon.
MEMBER_BYTES = 4

_NAN = np.frombuffer(b"NaN", dtype=np.uint8)
_INFINITY = np.frombuffer(b"Infinity", dtype=np.uint8)
_MINUS_INFINITY = np.frombuffer(b"-Infinity", dtype=np.uint8)
_TRUE = np.frombuffer(b"true", dtype=np.uint8)
_FALSE = np.frombuffer(b"false", dtype=np.uint8)
_NULL = np.frombuffer(b"null", dtype=np.uint8)

_RESULT: Any = types.UniTuple(types.int64, 4)  # type: ignore[no-untyped-call]
_BYTES = types.Array(types.uint8, 1, "C", readonly=True)


@numba.njit(cache=True, error_model="numpy", inline="always")
def _after_blanks(raw: Any, at: int, end: int) -> int:
    while at < end and (raw[at] == 32 or raw[at] == 10 or raw[at] == 13 or raw[at] == 9):
        at += 1
    return at


@numba.njit(cache=True, error_model="numpy")
def _stands_at(raw: Any, at: int, end: int, word: Any) -> bool:
    if at + word.shape[0] > end:
        return False
    for i in range(word.shape[0]):  # noqa: SIM110 - compiled
        if raw[at + i] != word[i]:
            return False
    return True


@numba.njit(cache=True, error_model="numpy")
def _code_unit(raw: Any, at: int, end: int) -> int:
    """The four hex digits at `at`; -1 when there are none."""
    if at + 4 > end:
        return -1
    unit = 0
    for i in range(at, at + 4):
        byte = int(raw[i])
        if 48 <= byte <= 57:
            unit = unit * 16 + byte - 48
        elif 65 <= byte <= 70:
            unit = unit * 16 + byte - 55
        elif 97 <= byte <= 102:
            unit = unit * 16 + byte - 87
        else:
            return -1
    return unit


@numba.njit(cache=True, error_model="numpy")
def _string(raw: Any, at: int, end: int) -> Any:
    """Reads a string from behind its first quote: fault, place of the end or the fault, escaped."""
    escaped = 0
    while at < end:
        byte = raw[at]
        if byte == 34:  # '"'
            return VALID, at, escaped
        if byte < 32:
            return CONTROL, at, escaped
        if byte != 92:  # "\"
            at += 1
            continue
        escaped = 1
        if at + 1 >= end:
            return NO_END, end, escaped
        byte = raw[at + 1]
        if byte != 117:  # "u"
            # One of "\/bfnrt
            if not (
                byte == 34
                or byte == 92
                or byte == 47
                or byte == 98
                or byte == 102
                or byte == 110
                or byte == 114
                or byte == 116
            ):
                return BAD_ESCAPE, at, escaped
            at += 2
            continue
        unit = _code_unit(raw, at + 2, end)
        if unit < 0:
            return BAD_ESCAPE, at, escaped
        if 0xDC00 <= unit <= 0xDFFF:
            return HALF_PAIR, at, escaped
        if 0xD800 <= unit <= 0xDBFF:
            has_second = at + 8 <= end and raw[at + 6] == 92 and raw[at + 7] == 117
            second = _code_unit(raw, at + 8, end) if has_second else -1
            if not 0xDC00 <= second <= 0xDFFF:
                return HALF_PAIR, at, escaped
            at += 6
        at += 6
    return NO_END, end, escaped


@numba.njit(cache=True, error_model="numpy")
def _after_digits(raw: Any, at: int, end: int) -> int:
    while at < end and 48 <= raw[at] <= 57:
        at += 1
    return at


@numba.njit(cache=True, error_model="numpy")
def _number(raw: Any, at: int, end: int) -> Any:
    """Reads a number: fault, and where it ends or is at fault."""
    if raw[at] == 45:  # "-"
        at += 1
    after = _after_digits(raw, at, end)
    if after == at or (raw[at] == 48 and after > at + 1):
        return NO_NUMBER, at
    at = after
    if at < end and raw[at] == 46:  # "."
        after = _after_digits(raw, at + 1, end)
        if after == at + 1:
            return NO_NUMBER, at
        at = after
    if at < end and (raw[at] == 101 or raw[at] == 69):  # "e", "E"
        begin = at + 1
        if begin < end and (raw[begin] == 43 or raw[begin] == 45):  # "+", "-"
            begin += 1
        after = _after_digits(raw, begin, end)
        if after == begin:
            return NO_NUMBER, at
        at = after
    return VALID, at


@numba.njit(cache=True, error_model="numpy")
def read_scalar(raw: Any, at: int, end: int) -> Any:
    """Reads a value that is no string, list or object: fault, kind, and the end or the fault."""
    byte = raw[at]
    if byte == 45 and _stands_at(raw, at, end, _MINUS_INFINITY):
        return VALID, NOT_FINITE, at + 9
    if byte == 45 or 48 <= byte <= 57:
        fault, after = _number(raw, at, end)
        return fault, NUMBER, after
    if _stands_at(raw, at, end, _TRUE):
        return VALID, TRUE, at + 4
    if _stands_at(raw, at, end, _FALSE):
        return VALID, FALSE, at + 5
    if _stands_at(raw, at, end, _NULL):
        return VALID, NULL, at + 4
    if _stands_at(raw, at, end, _NAN):
        return VALID, NOT_FINITE, at + 3
    if _stands_at(raw, at, end, _INFINITY):
        return VALID, NOT_FINITE, at + 8
    return NO_VALUE, NULL, at


@numba.njit(cache=True, error_model="numpy")
def _key(raw: Any, at: int, end: int, owner: int, member: Any) -> Any:
    """Reads a member's key and colon into `member`: fault, and the value's place or the fault's."""
    at = _after_blanks(raw, at, end)
    if at >= end or raw[at] != 34:
        return NO_KEY, at
    fault, after, escaped = _string(raw, at + 1, end)
    if fault != VALID:
        return fault, after
    member[OWNER], member[KEY_BEGIN], member[KEY_END] = owner, at + 1, after
    member[KEY_IS_ESCAPED], member[IS_ESCAPED] = escaped, 0
    at = _after_blanks(raw, after + 1, end)
    if at >= end or raw[at] != 58:  # ":"
        return NO_COLON, at
    return VALID, at + 1


@numba.njit(
    _RESULT(_BYTES, types.int64[::1], types.int64[:, ::1]),
    cache=True,
    error_model="numpy",
    nogil=True,
)
def read_json(raw: Any, owners: Any, members: Any) -> Any:
    """Reads the text `raw` (n,): fault, its place, how many members, kind of the outermost value.

    owners (d,)          room for as many levels as may be open at once
    members (n // 4 + 1, 8)  is written: every member of every object, in the order of their keys

    NaN and the like are faults but as values of the outermost object's members.
    """
    end = raw.shape[0]
    at, depth, objects, count, outermost = 0, 0, 0, 0, -1
    top = -1  # the outermost object's member whose value is being read
    while True:
        at = _after_blanks(raw, at, end)
        if at >= end:
            return NO_VALUE, end, count, outermost
        byte = raw[at]
        begin, stop, escaped = at, at, 0
        is_top = depth == 1 and owners[0] >= 0
        if is_top:
            top = count - 1
        has_begun = False
        if byte == 123 or byte == 91:  # "{", "["
            if depth == owners.shape[0]:
                return TOO_DEEP, at, count, outermost
            kind = OBJECT if byte == 123 else LIST
            owners[depth] = objects if kind == OBJECT else -1
            objects += 1 if kind == OBJECT else 0
            depth += 1
            at = _after_blanks(raw, at + 1, end)
            if at < end and raw[at] == byte + 2:  # "}", "]"
                depth -= 1
                at += 1
            else:
                has_begun = True
        elif byte == 34:
            kind = STRING
            fault, at, escaped = _string(raw, at + 1, end)
            if fault != VALID:
                return fault, at, count, outermost
            begin, stop = begin + 1, at
            at += 1
        else:
            fault, kind, at = read_scalar(raw, at, end)
            if fault != VALID:
                return fault, at, count, outermost
            if kind == NOT_FINITE and not is_top:
                return NO_VALUE, begin, count, outermost
        if outermost < 0:
            outermost = kind
        if is_top:
            members[top, KIND], members[top, BEGIN], members[top, IS_ESCAPED] = kind, begin, escaped
            members[top, END] = stop if kind == STRING else at
        if has_begun:
            if kind == OBJECT:
                fault, at = _key(raw, at, end, owners[depth - 1], members[count])
                if fault != VALID:
                    return fault, at, count, outermost
                count += 1
            continue
        # A value has ended: what comes behind it?
        while True:
            at = _after_blanks(raw, at, end)
            if depth == 0:
                return (VALID if at == end else MORE), at, count, outermost
            is_object = owners[depth - 1] >= 0
            if at < end and raw[at] == 44:  # ","
                at += 1
                if is_object:
                    fault, at = _key(raw, at, end, owners[depth - 1], members[count])
                    if fault != VALID:
                        return fault, at, count, outermost
                    count += 1
                break
            if at >= end or raw[at] != (125 if is_object else 93):  # "}", "]"
                return NO_COMMA, at, count, outermost
            at += 1
            depth -= 1
            if depth == 1 and owners[0] >= 0:
                members[top, END] = at
