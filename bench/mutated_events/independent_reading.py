"""What becomes of a record by features/events/rules.py, read by Python's json and exact fractions.

Written from the rules alone: it shares no code with the two readers, and takes what was declared
from the schema. Slow, and meant to be read beside the rules.
"""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from typing import Any

from features.events import reasons
from features.events.rules import MAX_ENTITY_BYTES, MAX_NESTING
from features.schema import TIME_FIELD, TYPE_FIELD, Attachment, Category, EventSchema, Field, Number

_TOKENS = re.compile(r'"(?:[^"\\]|\\.)*"?|[\[\]{}]', re.DOTALL)
_NUMBER = re.compile(r"(-?)(\d+)(?:\.(\d+))?(?:[eE]([+-]?\d+))?", re.ASCII)
_TIME = re.compile(
    r"(\d{4})-(\d\d)-(\d\d)[Tt ](\d\d):(\d\d):(\d\d)(\.\d+)?(?:[Zz]|([+-]\d\d):?(\d\d))", re.ASCII
)
_1970 = datetime(1970, 1, 1, tzinfo=UTC)
# Decimal exponents beyond these have no float64 but infinity and zero.
_FAR = 400


@dataclass(frozen=True)
class Reading:
    """A reason code, or what a valid event holds; `values` by field name."""

    code: str | None = None
    entity: str = ""
    event_type: str = ""
    time_ms: int = 0
    values: dict[str, float] = field(default_factory=dict)


class _Broken(Exception):
    """A rule is broken; holds the reason code."""


class _Object(list[tuple[str, Any]]):
    """An object's members as they come."""


@dataclass(frozen=True)
class _Number:
    text: str


@dataclass(frozen=True)
class _Word:
    """NaN, Infinity or -Infinity."""

    text: str


def reading(
    schema: EventSchema,
    key: bytes | None,
    value: bytes | None,
    *,
    latest_ms: int,
    max_event_bytes: int,
) -> Reading:
    """The record's reading; `latest_ms` is the latest time that its event may have."""
    try:
        if value is None:
            raise _Broken(reasons.NULL_VALUE)
        if len(value) > max_event_bytes:
            raise _Broken(reasons.TOO_LARGE)
        event = _event(schema, _document(value))
        if key is None:
            raise _Broken(reasons.NULL_KEY)
        if key != event.entity.encode():
            raise _Broken(reasons.KEY_MISMATCH)
        if event.time_ms > latest_ms:
            raise _Broken(reasons.FUTURE_EVENT)
        return event
    except _Broken as broken:
        return Reading(code=str(broken))


def _document(value: bytes) -> Any:
    """Rules 1 and 2."""
    try:
        text = value.decode("utf-8", "strict")
    except UnicodeDecodeError:
        raise _Broken(reasons.NOT_UTF8) from None
    if text.count("[") + text.count("{") > MAX_NESTING and _is_too_deep(text):
        raise _Broken(reasons.TOO_DEEP)
    return _loaded(text)


def _loaded(text: str) -> Any:
    try:
        document = json.loads(
            text,
            object_pairs_hook=_Object,
            parse_int=_Number,
            parse_float=_Number,
            parse_constant=_Word,
        )
    except (ValueError, RecursionError):  # deep only behind what was unsound before
        raise _Broken(reasons.MALFORMED_JSON) from None
    members = [value for _, value in document] if isinstance(document, _Object) else []
    words = sum(isinstance(value, _Word) for value in members)
    if sum(isinstance(node, _Word) for node in _inside(document)) > words:
        raise _Broken(reasons.MALFORMED_JSON)
    for node in _inside(document):
        if isinstance(node, str) and any("\ud800" <= letter <= "\udfff" for letter in node):
            raise _Broken(reasons.MALFORMED_JSON)
    return document


def _is_too_deep(text: str) -> bool:
    """Whether the text is sound up to the bracket that opens one level too many."""
    closing: list[str] = []
    for match in _TOKENS.finditer(text):
        token = match.group()
        if token in ("[", "{"):
            closing.append("]" if token == "[" else "}")
            if len(closing) > MAX_NESTING:
                try:
                    _loaded(text[: match.end()] + "".join(reversed(closing)))
                except _Broken:
                    return False
                return True
        elif token in ("]", "}") and (not closing or closing.pop() != token):
            return False
    return False


def _inside(value: Any) -> Iterator[Any]:
    """The value, and all keys and values inside it."""
    yield value
    if isinstance(value, _Object):
        for key, member in value:
            yield key
            yield from _inside(member)
    elif isinstance(value, list):
        for member in value:
            yield from _inside(member)


def _event(schema: EventSchema, document: Any) -> Reading:
    """Rules 3 to 7."""
    if not isinstance(document, _Object):
        raise _Broken(reasons.NOT_AN_OBJECT)
    for node in _inside(document):
        if isinstance(node, _Object) and len({key for key, _ in node}) < len(node):
            raise _Broken(reasons.DUPLICATE_KEY)
    event = dict(document)
    name = event.get(TYPE_FIELD)
    event_type = next((declared for declared in schema.types if declared.name == name), None)
    fields = event_type.fields if event_type else ()
    numbers = {event_field.name for event_field in fields if isinstance(event_field, Number)}
    if any(isinstance(value, _Word) and key not in numbers for key, value in event.items()):
        raise _Broken(reasons.MALFORMED_JSON)
    if TYPE_FIELD not in event:
        raise _Broken(reasons.MISSING_FIELD)
    if event_type is None:
        raise _Broken(reasons.UNKNOWN_EVENT_TYPE)
    entity = _string(event, schema.entity_field)
    if not 1 <= len(entity.encode()) <= MAX_ENTITY_BYTES:
        raise _Broken(reasons.OUT_OF_RANGE)
    time_ms = _time_ms(_string(event, TIME_FIELD))
    values = {}
    for event_field in fields:
        if event_field.name in event:
            values[event_field.name] = _value(event_field, event[event_field.name])
        elif event_field.required:
            raise _Broken(reasons.MISSING_FIELD)
    return Reading(None, entity, event_type.name, time_ms, values)


def _string(event: dict[str, Any], name: str) -> str:
    if name not in event:
        raise _Broken(reasons.MISSING_FIELD)
    value = event[name]
    if not isinstance(value, str):
        raise _Broken(reasons.WRONG_TYPE)
    return value


def _time_ms(text: str) -> int:
    """Rule 6."""
    match = _TIME.fullmatch(text)
    if match is None:
        raise _Broken(reasons.WRONG_TYPE)
    *parts, decimals, hours, minutes = match.groups()
    if int((hours or "+0")[1:]) > 23 or int(minutes or 0) > 59:
        raise _Broken(reasons.WRONG_TYPE)
    try:
        moment = datetime(*map(int, parts), tzinfo=UTC)  # type: ignore[arg-type,misc]
    except ValueError:
        raise _Broken(reasons.WRONG_TYPE) from None
    offset = int(hours or 0) * 60 + int((hours or "+")[0] + (minutes or "0"))
    seconds = Fraction((moment - _1970) // timedelta(seconds=1)) - offset * 60
    time_ms = round((seconds + Fraction(Decimal("0" + (decimals or "")))) * 1000)
    if time_ms < 0:
        raise _Broken(reasons.OUT_OF_RANGE)
    return time_ms


def _value(declared: Field, value: Any) -> float:
    """Rule 7."""
    if isinstance(declared, Category):
        if not isinstance(value, str):
            raise _Broken(reasons.WRONG_TYPE)
        if value not in declared.values:
            raise _Broken(reasons.OUT_OF_RANGE)
        return float(declared.values.index(value))
    if isinstance(declared, Attachment):
        raise ValueError(f"{declared.name} is an attachment: such events have their own tests")
    if isinstance(value, _Word):
        raise _Broken(reasons.NOT_FINITE)
    if not isinstance(value, _Number):
        raise _Broken(reasons.WRONG_TYPE)
    exact = _exact(value.text)
    try:
        nearest = float(exact)
    except OverflowError:
        raise _Broken(reasons.NOT_FINITE) from None
    if declared.integer and exact.denominator != 1:
        raise _Broken(reasons.WRONG_TYPE)
    judged = exact if declared.integer else nearest
    if not declared.minimum <= judged <= declared.maximum:
        raise _Broken(reasons.OUT_OF_RANGE)
    return 0.0 if nearest == 0 else nearest


def _exact(text: str) -> Fraction:
    """The number's decimal value; one that is far beyond every float64 stands for such ones."""
    match = _NUMBER.fullmatch(text)
    assert match is not None, text
    sign, whole, decimals, exponent = match.groups("")
    digits = (whole + decimals).lstrip("0")
    if not digits:
        return Fraction(0)
    power = int(exponent.lstrip("+-0")[:20] or "0")  # 20 digits are far enough
    power = (-power if exponent.startswith("-") else power) - len(decimals)
    magnitude = len(digits) + power
    if not -_FAR <= magnitude <= _FAR:
        digits, power = "1", _FAR if magnitude > 0 else -_FAR
    exact = Fraction(Decimal(digits)) * Fraction(10) ** power
    return -exact if sign else exact
