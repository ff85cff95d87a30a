"""The tiny scenario after a change that would make its archived events unreadable."""

from dataclasses import replace

from tests.scenarios import tiny

_TEMPERATURE = replace(tiny.TEMPERATURE, unit="°F")
_TYPES = tuple(
    replace(
        event_type,
        fields=tuple(_TEMPERATURE if f is tiny.TEMPERATURE else f for f in event_type.fields),
    )
    for event_type in tiny.SCHEMA.types
)
SCENARIO = replace(tiny.SCENARIO, schema=replace(tiny.SCHEMA, types=_TYPES))
