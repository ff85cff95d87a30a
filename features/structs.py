"""One msgspec struct per event type: how an event's JSON is parsed and its fields are read."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from operator import attrgetter
from typing import Annotated, Any, Literal

import msgspec
import numpy as np
import numpy.typing as npt

from features.schema import TIME_FIELD, TYPE_FIELD, Category, EventSchema, EventType, Field

# In a JSON object without backslashes every key and every string value brings two quotes, so a
# surplus of quotes means a key that the struct does not know, or one that is repeated.
_QUOTES_OF_STRING_FIELD = 4
_QUOTES_OF_NUMBER_FIELD = 2
_ENVELOPE_QUOTES = 3 * _QUOTES_OF_STRING_FIELD


@dataclass(frozen=True)
class StructReader:
    """Reads parsed events of one type."""

    struct: Any
    type_code: int
    fields: tuple[Field, ...]

    def quotes(self, event: Any) -> int:
        """How many quotes the JSON of `event` has when it holds known keys only, each once."""
        count = _ENVELOPE_QUOTES
        for position, field in enumerate(self.fields):
            if field.required or getattr(event, _attribute(position)) is not msgspec.UNSET:
                count += _quotes_of(field)
        return count

    def columns(self, events: Sequence[Any]) -> Iterator[tuple[str, npt.NDArray[np.float64]]]:
        """For each field its name and float64 column; NaN where an event leaves it out."""
        for position, field in enumerate(self.fields):
            read = attrgetter(_attribute(position))
            number = _number(field)
            yield field.name, np.array([number(read(event)) for event in events])


def struct_readers(schema: EventSchema) -> list[StructReader]:
    """One reader per event type, in the schema's order."""
    return [
        StructReader(_struct(each, schema.entity_field), code, each.fields)
        for code, each in enumerate(schema.types)
    ]


def _struct(event_type: EventType, entity_field: str) -> Any:
    time_type = Annotated[datetime, msgspec.Meta(tz=True)]
    entity_type = Annotated[str, msgspec.Meta(min_length=1)]
    required: list[Any] = [("entity", entity_type), ("time", time_type)]
    optional: list[Any] = []
    rename = {"entity": entity_field, "time": TIME_FIELD}
    for position, field in enumerate(event_type.fields):
        name = _attribute(position)
        rename[name] = field.name
        if field.required:
            required.append((name, _type_of(field)))
        else:
            optional.append((name, _type_of(field) | msgspec.UnsetType, msgspec.UNSET))
    return msgspec.defstruct(
        f"Event_{event_type.name}",
        required + optional,
        tag_field=TYPE_FIELD,
        tag=event_type.name,
        rename=rename,
        gc=False,
    )


def _type_of(field: Field) -> Any:
    if isinstance(field, Category):
        return Literal[field.values]
    number = int if field.integer else float
    return Annotated[number, msgspec.Meta(ge=number(field.minimum), le=number(field.maximum))]


def _number(field: Field) -> Callable[[Any], float]:
    if isinstance(field, Category):
        codes: dict[Any, float] = {**field.codes, msgspec.UNSET: np.nan}
        return codes.__getitem__
    return float if field.required else _float_or_nan


def _float_or_nan(value: Any) -> float:
    return np.nan if value is msgspec.UNSET else float(value)


def _quotes_of(field: Field) -> int:
    return _QUOTES_OF_STRING_FIELD if isinstance(field, Category) else _QUOTES_OF_NUMBER_FIELD


def _attribute(position: int) -> str:
    return f"f{position}"
