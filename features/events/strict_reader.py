"""Any event, judged by every rule of features/events/rules.py: its values, or what it breaks."""

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from features.attachments import AttachmentReader, AttachmentSource, Reading
from features.events import reasons
from features.events.fast import kernel
from features.events.json_members import (
    MemberReader,
    Members,
    Value,
    malformed,
    text_of,
    value_of,
)
from features.events.rules import MAX_ENTITY_BYTES, Finding
from features.schema import (
    TIME_FIELD,
    TYPE_FIELD,
    Attachment,
    Category,
    EventSchema,
    EventType,
    Number,
    ValueField,
    value_fields,
)

_TYPE_KEY, _TIME_KEY = TYPE_FIELD.encode(), TIME_FIELD.encode()
_NUMBERS = (kernel.NUMBER, kernel.NOT_FINITE)
_TIME = re.compile(
    r"(\d{4})-(\d\d)-(\d\d)[Tt ](\d\d):(\d\d):(\d\d)(?:\.(\d+))?(?:[Zz]|([+-])(\d\d):?(\d\d))",
    re.ASCII,
)
_TIME_EXPECTED = "a time like '2026-01-31T12:00:00.000Z' with its time zone"
_ENTITY_EXPECTED = "a non-empty string"
_EPOCH_DAY = date(1970, 1, 1).toordinal()
_NUMBER = re.compile(rb"(-?)(\d+)(?:\.(\d+))?(?:[eE]([+-]?)0*(\d+))?")
_FAR = 10**9  # an exponent beyond the length of any event decides by its sign alone
_FAR_DIGITS = len(str(_FAR))


@dataclass(frozen=True)
class StrictEvent:
    """One valid event: its envelope, the values of the fields that it has, by column, and what is
    attached to it.
    """

    entity: str
    type_code: int
    time_ms: int
    values: Sequence[tuple[int, float]]
    attached: Sequence[tuple[str, Reading]] = ()


class StrictReader:
    """Reads the events of one schema, one by one.

    attachments: where contents that events only refer to are read from
    """

    def __init__(self, schema: EventSchema, attachments: AttachmentSource) -> None:
        self._members = MemberReader()
        self._entity_field = schema.entity_field
        self._entity_key = schema.entity_field.encode()
        readers = {name: field.reader(attachments) for name, field in schema.attachments.items()}
        self._types = {
            kind.name: _TypeRules.of(kind, schema, code, readers)
            for code, kind in enumerate(schema.types)
        }
        self._type_names = ", ".join(map(repr, self._types))

    def read(self, raw: bytes) -> StrictEvent | Finding:
        """The event in `raw`, or the first of rules 1 to 7 that it breaks."""
        members = self._members.members(raw)
        if isinstance(members, tuple):
            return members
        rules = self._rules(raw, members)
        if isinstance(rules, tuple):
            return rules
        entity = self._entity(raw, members)
        if isinstance(entity, tuple):
            return entity
        time_ms = _time(raw, members)
        if isinstance(time_ms, tuple):
            return time_ms
        values = rules.values(raw, members)
        if isinstance(values, tuple):
            return values
        attached: list[tuple[str, Reading]] = []
        if rules.attachments:
            finding = rules.read_attachments(raw, members, values, attached)
            if finding is not None:
                return finding
        return StrictEvent(entity, rules.code, time_ms, values, attached)

    def _rules(self, raw: bytes, members: Members) -> "_TypeRules | Finding":
        row = members.get(_TYPE_KEY)
        is_text = row is not None and row[kernel.KIND] == kernel.STRING
        rules = self._types.get(text_of(raw, row)) if row is not None and is_text else None
        for name, member in members.items():
            is_word = member[kernel.KIND] == kernel.NOT_FINITE
            if is_word and (not rules or name not in rules.numbers):
                word = value_of(raw, member)
                return malformed(f"{word.shown} is no JSON number", word.begin)
        if row is None:
            return _missing(TYPE_FIELD, "one of " + self._type_names)
        if rules is None:
            shown = value_of(raw, row).shown
            sentence = f"event type {shown} is not one of {self._type_names}"
            return reasons.UNKNOWN_EVENT_TYPE, sentence
        return rules

    def _entity(self, raw: bytes, members: Members) -> str | Finding:
        name, row = self._entity_field, members.get(self._entity_key)
        if row is None:
            return _missing(name, _ENTITY_EXPECTED)
        if row[kernel.KIND] != kernel.STRING:
            return _wrong_type(name, value_of(raw, row), _ENTITY_EXPECTED)
        entity = text_of(raw, row)
        size = len(entity.encode())
        if not 1 <= size <= MAX_ENTITY_BYTES:
            sentence = f"field {name!r} has {size} bytes; allowed 1 to {MAX_ENTITY_BYTES}"
            return reasons.OUT_OF_RANGE, sentence
        return entity


@dataclass(frozen=True)
class _TypeRules:
    """The fields of one event type: name as UTF-8, (first) column, declaration."""

    code: int
    fields: tuple[tuple[bytes, int, ValueField], ...]
    numbers: frozenset[bytes]
    attachments: tuple[tuple[bytes, int, Attachment, AttachmentReader], ...]

    @classmethod
    def of(
        cls,
        event_type: EventType,
        schema: EventSchema,
        code: int,
        readers: Mapping[str, AttachmentReader],
    ) -> "_TypeRules":
        fields = event_type.fields
        return cls(
            code,
            tuple(
                (field.name.encode(), schema.columns[field.name], field)
                for field in fields
                if not isinstance(field, Attachment)
            ),
            frozenset(field.name.encode() for field in fields if isinstance(field, Number)),
            tuple(
                (
                    field.name.encode(),
                    schema.columns[value_fields(field)[0].name],
                    field,
                    readers[field.name],
                )
                for field in fields
                if isinstance(field, Attachment)
            ),
        )

    def values(self, raw: bytes, members: Members) -> list[tuple[int, float]] | Finding:
        values = []
        for name, column, field in self.fields:
            row = members.get(name)
            if row is None:
                if field.required:
                    return _missing(field.name, field.expectation)
                continue
            if isinstance(field, Number):
                value = _number(field, raw, row)
            else:
                value = _code(field, raw, row)
            if isinstance(value, tuple):
                return value
            values.append((column, value))
        return values

    def read_attachments(
        self,
        raw: bytes,
        members: Members,
        values: list[tuple[int, float]],
        attached: list[tuple[str, Reading]],
    ) -> Finding | None:
        """Add the figures of what is attached to `values`, or return what is wrong with it."""
        for name, column, field, reader in self.attachments:
            row = members.get(name)
            if row is None:
                if field.required:
                    return _missing(field.name, field.expectation)
                continue
            if row[kernel.KIND] != kernel.STRING:
                return _wrong_type(field.name, value_of(raw, row), field.expectation)
            reading = reader.read(text_of(raw, row))
            if isinstance(reading, tuple):
                return reading
            values += enumerate(reading.figures, start=column)
            attached.append((field.name, reading))
        return None


def _time(raw: bytes, members: Members) -> int | Finding:
    row = members.get(_TIME_KEY)
    if row is None:
        return _missing(TIME_FIELD, _TIME_EXPECTED)
    if row[kernel.KIND] != kernel.STRING:
        return _wrong_type(TIME_FIELD, value_of(raw, row), _TIME_EXPECTED)
    time_ms = time_ms_of(text_of(raw, row))
    if time_ms is None:
        return _wrong_type(TIME_FIELD, value_of(raw, row), _TIME_EXPECTED)
    if time_ms < 0:
        shown = value_of(raw, row).shown
        return reasons.OUT_OF_RANGE, f"field {TIME_FIELD!r} is {shown}; allowed from 1970 on"
    return time_ms


def time_ms_of(text: str) -> int | None:
    """Milliseconds since 1970 of a time with its zone (rule 6); None when `text` is none."""
    match = _TIME.fullmatch(text)
    if match is None:
        return None
    year, month, day, hour, minute, second = map(int, match.group(1, 2, 3, 4, 5, 6))
    fraction, sign, hours, minutes = match.group(7, 8, 9, 10)
    try:
        days = date(year, month, day).toordinal() - _EPOCH_DAY
    except ValueError:
        return None
    if hour > 23 or minute > 59 or second > 59:
        return None
    seconds = days * 86_400 + hour * 3600 + minute * 60 + second
    if sign:
        offset = int(hours) * 3600 + int(minutes) * 60
        if int(hours) > 23 or int(minutes) > 59:
            return None
        seconds -= -offset if sign == "-" else offset
    return seconds * 1000 + (_rounded_ms(fraction) if fraction else 0)


def _rounded_ms(decimals: str) -> int:
    """Decimals of a second to whole milliseconds, the nearest; a half to the even one."""
    whole, rest = int(decimals[:3].ljust(3, "0")), decimals[3:].rstrip("0")
    # Digits compare as the fractions that they stand for.
    is_up = rest > "5" or (rest == "5" and whole % 2 == 1)
    return whole + 1 if is_up else whole


def _code(field: Category, raw: bytes, row: Sequence[int]) -> float | Finding:
    if row[kernel.KIND] != kernel.STRING:
        return _wrong_type(field.name, value_of(raw, row), field.expectation)
    code = field.codes.get(text_of(raw, row))
    return _out_of_range(field, value_of(raw, row)) if code is None else code


def _number(field: Number, raw: bytes, row: Sequence[int]) -> float | Finding:
    if row[kernel.KIND] not in _NUMBERS:
        return _wrong_type(field.name, value_of(raw, row), field.expectation)
    content = raw[row[kernel.BEGIN] : row[kernel.END]]
    number = float(content)
    if not math.isfinite(number):
        shown = value_of(raw, row).shown
        sentence = f"field {field.name!r} is {shown} ({number}); expected {field.expectation}"
        return reasons.NOT_FINITE, sentence
    judged = whole_number(content) if field.integer else number
    if judged is None:
        return _wrong_type(field.name, value_of(raw, row), field.expectation)
    if not field.lowest <= judged <= field.highest:
        return _out_of_range(field, value_of(raw, row))
    return number + 0.0  # zero has no sign


def whole_number(content: bytes) -> int | None:
    """The exact value of a JSON number below 2^1024; None when it is not whole."""
    if content.isdigit():
        return int(content)
    match = _NUMBER.fullmatch(content)
    if match is None:
        return None
    sign, whole, fraction, exponent_sign, exponent = match.groups(b"")
    digits = (whole + fraction).lstrip(b"0")
    significant = digits.rstrip(b"0")
    if not significant:
        return 0
    power = _FAR if len(exponent) >= _FAR_DIGITS else int(exponent or b"0")
    power = (-power if exponent_sign == b"-" else power) - len(fraction)
    power += len(digits) - len(significant)
    return None if power < 0 else int(sign + significant + b"0" * power)


def _missing(name: str, expectation: str) -> Finding:
    return reasons.MISSING_FIELD, f"field {name!r} is missing; expected {expectation}"


def _wrong_type(name: str, value: Value, expectation: str) -> Finding:
    return reasons.WRONG_TYPE, f"field {name!r} is {value}; expected {expectation}"


def _out_of_range(field: ValueField, value: Value) -> Finding:
    sentence = f"field {field.name!r} is {value.shown}; expected {field.expectation}"
    return reasons.OUT_OF_RANGE, sentence
