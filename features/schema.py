"""What an event of a scenario looks like: its types, fields, units and allowed values.

Both readers of events take names, ranges and choices from here (features/events/rules.py).
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

from features.attachments import AttachmentExplainer, AttachmentReader, AttachmentSource

TYPE_FIELD = "type"
TIME_FIELD = "event_time"
MAX_CATEGORIES = 250


class SchemaError(ValueError):
    """A scenario declares events that cannot be distinguished or stored; raised at start."""

    exit_code = 2


@dataclass(frozen=True, kw_only=True)
class Number:
    """A numeric field with its unit and inclusive range; `integer` forbids fractions.

    `decimals`: in windows the value counts rounded to that many decimals, and is stored as a whole
    number of such units (cents); None keeps all of its bits.
    """

    name: str
    unit: str
    minimum: float
    maximum: float
    required: bool = True
    integer: bool = False
    decimals: int | None = None

    @cached_property
    def lowest(self) -> float:
        """The smallest allowed value; of a whole number the smallest whole one."""
        is_whole = self.integer and math.isfinite(self.minimum)
        return math.ceil(self.minimum) if is_whole else float(self.minimum)

    @cached_property
    def highest(self) -> float:
        """The largest allowed value; of a whole number the largest whole one."""
        is_whole = self.integer and math.isfinite(self.maximum)
        return math.floor(self.maximum) if is_whole else float(self.maximum)

    @property
    def expectation(self) -> str:
        """The allowed values as a phrase for messages."""
        kind = "a whole number" if self.integer else "a number"
        return f"{kind} from {self.minimum:g} to {self.maximum:g} {self.unit}".rstrip()


@dataclass(frozen=True, kw_only=True)
class Category:
    """A field with a fixed list of allowed strings; its code is the position in that list."""

    name: str
    values: tuple[str, ...]
    required: bool = True

    @property
    def expectation(self) -> str:
        """The allowed values as a phrase for messages."""
        return "one of " + ", ".join(repr(value) for value in self.values)

    @cached_property
    def codes(self) -> Mapping[str, float]:
        """Allowed string → its code, as the float that the fold works with."""
        return {value: float(code) for code, value in enumerate(self.values)}


@dataclass(frozen=True, kw_only=True)
class Attachment:
    """A field that carries something large, such as an image, of which features see `figures` only.

    In an event it is a string: `data:MEDIA;base64,CONTENT`, or `sha256:DIGEST` of what the
    attachment store holds already. Each figure is a column of the values matrix named
    "field.figure". Every kind of attachment derives from this class and says what may be sent, how
    it is read, and by what its figures are computed: see features/images/image.py.
    """

    name: str
    required: bool = True

    @property
    def figures(self) -> tuple[Number, ...]:
        """What is known of the content as numbers, each declared under its full name."""
        raise NotImplementedError

    @property
    def expectation(self) -> str:
        """What is allowed as a phrase for messages."""
        raise NotImplementedError

    @property
    def meaning(self) -> Mapping[str, object]:
        """Everything that decides a figure, as plain values for JSON."""
        raise NotImplementedError

    @property
    def media_types(self) -> tuple[str, ...]:
        """Of files that may be sent."""
        raise NotImplementedError

    @property
    def stored_as(self) -> str:
        """The media type of what is stored of a content."""
        raise NotImplementedError

    def reader(self, source: AttachmentSource) -> AttachmentReader:
        """What reads the field; made on the worker, it does not travel."""
        raise NotImplementedError

    def explainer(self) -> AttachmentExplainer | None:
        """What shows which part of a content moved a score; None: this kind shows nothing."""
        return None


ValueField = Number | Category
Field = ValueField | Attachment


@dataclass(frozen=True, kw_only=True)
class EventType:
    """One kind of event: `name` is the value of its `type` field."""

    name: str
    meaning: str
    fields: tuple[Field, ...] = ()


@dataclass(frozen=True, kw_only=True)
class EventSchema:
    """All event types of a scenario; every event also has `type`, the entity id and `event_time`.

    Fields of one name are one column and must be declared alike in every type that has them,
    except for `required`.
    """

    entity_field: str
    types: tuple[EventType, ...]

    def __post_init__(self) -> None:
        names = [event_type.name for event_type in self.types]
        if len(set(names)) != len(names) or not names:
            raise SchemaError(f"event types must be named and distinct, got {names}")
        if self.entity_field in (TYPE_FIELD, TIME_FIELD):
            raise SchemaError(f"the entity field has a reserved name: {self.entity_field!r}")
        for name in (self.entity_field, *names):
            _check_text(name, "an event type or the entity field")
        reserved = {TYPE_FIELD, TIME_FIELD, self.entity_field}
        declared: dict[str, Field] = {}
        for event_type in self.types:
            fields = [field.name for field in event_type.fields]
            if len(set(fields)) != len(fields):
                raise SchemaError(f"event type {event_type.name!r} has a field twice: {fields}")
            for field in event_type.fields:
                _check_field(
                    field, reserved=reserved, declared=declared, event_type=event_type.name
                )

    @cached_property
    def columns(self) -> Mapping[str, int]:
        """Field name → column of the values matrix, in order of first declaration."""
        return {name: column for column, name in enumerate(self.fields)}

    @cached_property
    def fields(self) -> Mapping[str, ValueField]:
        """Column name → its declaration: of each field, and of each attachment's figures."""
        return {
            value.name: value
            for kind in self.types
            for field in kind.fields
            for value in value_fields(field)
        }

    @cached_property
    def attachments(self) -> Mapping[str, Attachment]:
        """Field name → the attachment."""
        declared = (field for kind in self.types for field in kind.fields)
        return {field.name: field for field in declared if isinstance(field, Attachment)}

    @cached_property
    def type_codes(self) -> Mapping[str, int]:
        """Event type name → its code."""
        return {event_type.name: code for code, event_type in enumerate(self.types)}

    def event_type(self, name: str) -> EventType:
        """The declaration of `name`; raises `SchemaError` when there is none."""
        if name not in self.type_codes:
            raise SchemaError(f"event type {name!r} is not one of {list(self.type_codes)}")
        return self.types[self.type_codes[name]]


def value_fields(field: Field) -> tuple[ValueField, ...]:
    """What `field` puts into the values matrix: itself, or an attachment's figures."""
    return field.figures if isinstance(field, Attachment) else (field,)


def _check_field(
    field: Field, *, reserved: set[str], declared: dict[str, Field], event_type: str
) -> None:
    where = f"field {field.name!r} of event type {event_type!r}"
    if field.name in reserved:
        raise SchemaError(f"{where} has a reserved name; reserved are {sorted(reserved)}")
    _check_text(field.name, where)
    if isinstance(field, Category):
        _check_choices(field, where)
    elif isinstance(field, Number):
        _check_range(field, where)
    twin = declared.setdefault(field.name, field)
    if _shape(twin) != _shape(field):
        raise SchemaError(f"{where} is declared otherwise in another event type: {twin} {field}")


def _check_choices(field: Category, where: str) -> None:
    if not 1 <= len(field.values) <= MAX_CATEGORIES:
        raise SchemaError(f"{where} has {len(field.values)} values, allowed 1 to {MAX_CATEGORIES}")
    if len(set(field.values)) != len(field.values):
        raise SchemaError(f"{where} has a value twice: {list(field.values)}")
    for value in field.values:
        _check_text(value, where)


def _check_range(field: Number, where: str) -> None:
    """A range of any width will do, infinite ends and whole numbers beyond 64 bits included."""
    try:
        ends = float(field.minimum), float(field.maximum)
    except OverflowError:
        raise SchemaError(f"{where} has a bound beyond every float64; use math.inf") from None
    if not field.minimum <= field.maximum or math.inf == ends[0] or ends[1] == -math.inf:
        raise SchemaError(f"{where} has minimum {ends[0]} above maximum {ends[1]}")
    if field.lowest > field.highest:
        raise SchemaError(f"{where} has no whole number from {ends[0]} to {ends[1]}")


def _check_text(text: str, where: str) -> None:
    try:
        text.encode()
    except UnicodeEncodeError:
        raise SchemaError(f"{where}: {text!r} holds half of a surrogate pair") from None


def _shape(field: Field) -> tuple[object, ...]:
    if isinstance(field, Category):
        return ("category", field.values)
    if isinstance(field, Attachment):
        return ("attachment", type(field), field.meaning)
    return ("number", field.unit, field.minimum, field.maximum, field.integer)
