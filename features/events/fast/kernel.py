"""Compiled reading of JSON events: any JSON text, numbers, times, values, whole events.

One file, because numba names cached machine code by the time of the file that calls it: a compiled
function of another file could change without the caller's cached code being built again.

The JSON part says whether a text is valid and where its objects' members stand, without recursion,
in a time linear in the text's length; the strict reader uses it too. The last part reads events in
the usual shape (flat, plain ASCII); whatever is unusual it leaves to the strict reader.
"""

from typing import Any

import numba
import numpy as np
import numpy.typing as npt
from numba import types

# --- JSON texts ---

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


# --- Numbers: the float that is nearest to the decimal digits ---

# Clinger (1990) for few digits; Lemire, "Number parsing at a gigabyte per second" (2021), for up to
# 19. Each result is correctly rounded; what these cannot decide is left to the caller.

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
    """Write the bits of digits * 10^power into word[0]; false when they are not certain."""
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


# --- Times: milliseconds since 1970, by rule 6 of features/events/rules.py ---

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


# --- Values: a number, a choice, a time or the id of the entity ---

# What a key's value must be.
TYPE, TIME, ENTITY, REAL, INTEGER, CATEGORY = range(6)
# Columns of `keys`: kind, first choice, number of choices, column of `values` (-1: none).
FIELD_KIND, FIRST_CHOICE, CHOICES, COLUMN = range(4)
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
    kind = declared[FIELD_KIND]
    if kind in (REAL, INTEGER):
        after, digits_kind = read_number(raw, at, end, powers[0], powers[1], word, real)
        if digits_kind == REFUSED or not lowest <= real[0] <= highest:
            return -1
        is_whole = digits_kind == WHOLE and abs(real[0]) < _MOST_WHOLE
        return -1 if kind == INTEGER and not is_whole else after
    if kind == ENTITY:
        real[0] = 0.0
        return _after_entity(raw, at, end, row_key)
    if kind == TIME:
        time_ms, after = read_time(raw, at, end)
        real[0] = np.float64(time_ms)
        return -1 if time_ms < 0 else after
    first, count = declared[FIRST_CHOICE], declared[CHOICES]
    choice, after = _choice(raw, at, end, texts, text_bounds, first, count)
    real[0] = np.float64(choice)
    return -1 if choice < 0 else after


# --- Events ---

# More ignored members than these are left to the strict reader: each is compared with all others.
MOST_IGNORED = 16

# What is only read may come from bytes, which nobody may write.
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
                envelope[keys[which, FIELD_KIND]] = real[0]
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
