"""Which rule a refused event broke, in words; slow and exact, so only refused events pay for it."""

import json
import math
from collections.abc import Mapping
from datetime import datetime

from features import reasons
from features.schema import TIME_FIELD, TYPE_FIELD, Category, EventSchema, Field, Number

MAX_ENTITY_BYTES = 512
MAX_SHOWN = 60

Finding = tuple[str, str]


class _DuplicateKeyError(ValueError):
    pass


def diagnose(raw: bytes, schema: EventSchema) -> Finding | None:
    """The first rule that `raw` breaks as (reason code, sentence); None when it breaks none."""
    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError as error:
        return reasons.NOT_UTF8, f"byte {error.start} is not valid UTF-8 (0x{raw[error.start]:02x})"
    try:
        event = json.loads(text, object_pairs_hook=_distinct)
    except _DuplicateKeyError as error:
        return reasons.DUPLICATE_KEY, f"key {_shown(str(error))} appears more than once"
    except RecursionError:
        return reasons.TOO_DEEP, "nested too deeply; an event is one flat JSON object"
    except ValueError as error:
        return reasons.MALFORMED_JSON, f"not valid JSON: {error}"
    if not isinstance(event, dict):
        return reasons.NOT_AN_OBJECT, f"expected a JSON object, got {_kind(event)}"
    return _broken_rule(event, schema)


def _broken_rule(event: Mapping[str, object], schema: EventSchema) -> Finding | None:
    if TYPE_FIELD not in event:
        return _missing(TYPE_FIELD, "one of " + ", ".join(map(repr, schema.type_codes)))
    name = event[TYPE_FIELD]
    if not isinstance(name, str) or name not in schema.type_codes:
        known = ", ".join(map(repr, schema.type_codes))
        return reasons.UNKNOWN_EVENT_TYPE, f"event type {_shown(name)} is not one of {known}"
    finding = _entity_finding(event, schema.entity_field) or _time_finding(event)
    if finding:
        return finding
    for field in schema.event_type(name).fields:
        if finding := _field_finding(event, field):
            return finding
    return None


def _entity_finding(event: Mapping[str, object], name: str) -> Finding | None:
    if name not in event:
        return _missing(name, "a non-empty string")
    value = event[name]
    if not isinstance(value, str):
        return _wrong_type(name, value, "a non-empty string")
    try:
        size = len(value.encode())
    except UnicodeEncodeError:
        return reasons.MALFORMED_JSON, f"field {name!r} holds half of a surrogate pair"
    if not 1 <= size <= MAX_ENTITY_BYTES:
        sentence = f"field {name!r} has {size} bytes; allowed 1 to {MAX_ENTITY_BYTES}"
        return reasons.OUT_OF_RANGE, sentence
    return None


def _time_finding(event: Mapping[str, object]) -> Finding | None:
    expected = "a time like '2026-01-31T12:00:00.000Z' with its time zone"
    if TIME_FIELD not in event:
        return _missing(TIME_FIELD, expected)
    value = event[TIME_FIELD]
    if not isinstance(value, str):
        return _wrong_type(TIME_FIELD, value, expected)
    try:
        moment = datetime.fromisoformat(value)
    except ValueError:
        return _wrong_type(TIME_FIELD, value, expected)
    if moment.tzinfo is None:
        return _wrong_type(TIME_FIELD, value, expected)
    if moment.timestamp() < 0:
        return (
            reasons.OUT_OF_RANGE,
            f"field {TIME_FIELD!r} is {_shown(value)}; allowed from 1970 on",
        )
    return None


def _field_finding(event: Mapping[str, object], field: Field) -> Finding | None:
    if field.name not in event:
        return _missing(field.name, field.expectation) if field.required else None
    value = event[field.name]
    if isinstance(field, Category):
        if not isinstance(value, str):
            return _wrong_type(field.name, value, field.expectation)
        return None if value in field.codes else _out_of_range(field, value)
    return _number_finding(field, value)


def _number_finding(field: Number, value: object) -> Finding | None:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return _wrong_type(field.name, value, field.expectation)
    if isinstance(value, float) and not math.isfinite(value):
        return reasons.NOT_FINITE, f"field {field.name!r} is {value}; expected {field.expectation}"
    if field.integer and isinstance(value, float) and not value.is_integer():
        return _wrong_type(field.name, value, field.expectation)
    if not field.minimum <= value <= field.maximum:
        return _out_of_range(field, value)
    return None


def _missing(name: str, expectation: str) -> Finding:
    return reasons.MISSING_FIELD, f"field {name!r} is missing; expected {expectation}"


def _wrong_type(name: str, value: object, expectation: str) -> Finding:
    sentence = f"field {name!r} is {_kind(value)} {_shown(value)}; expected {expectation}"
    return reasons.WRONG_TYPE, sentence


def _out_of_range(field: Field, value: object) -> Finding:
    sentence = f"field {field.name!r} is {_shown(value)}; expected {field.expectation}"
    return reasons.OUT_OF_RANGE, sentence


def _kind(value: object) -> str:
    names = {dict: "an object", list: "a list", str: "the string", type(None): "null"}
    return "the boolean" if isinstance(value, bool) else names.get(type(value), "the number")


def _shown(value: object) -> str:
    text = json.dumps(value, ensure_ascii=True)
    return text if len(text) <= MAX_SHOWN else f"{text[:MAX_SHOWN]}… ({len(text)} characters)"


def _distinct(pairs: list[tuple[str, object]]) -> dict[str, object]:
    found = dict(pairs)
    if len(found) != len(pairs):
        names = [name for name, _ in pairs]
        raise _DuplicateKeyError(next(name for name in names if names.count(name) > 1))
    return found
