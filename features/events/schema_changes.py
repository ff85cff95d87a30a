"""Can events that were kept under an earlier schema still be read under today's?"""

from collections.abc import Mapping
from typing import Any

from features.schema import Category, EventSchema, Field

Description = Mapping[str, Any]


def description(schema: EventSchema) -> dict[str, Any]:
    """The schema as plain values: what decides whether an event can be read."""
    return {
        "entity": schema.entity_field,
        "types": {
            each.name: {field.name: _field(field) for field in each.fields} for each in schema.types
        },
    }


def breaking_changes(kept: Description, now: Description) -> list[str]:
    """Sentences on what makes events of `kept` unreadable or change their meaning in `now`.

    New event types, new optional fields, further categories and wider ranges are no such change.
    """
    found = []
    if kept["entity"] != now["entity"]:
        found.append(f"the entity field was {kept['entity']!r}, is {now['entity']!r}")
    for name, fields in kept["types"].items():
        if name not in now["types"]:
            found.append(f"event type {name!r} is gone")
            continue
        found += _field_changes(name, fields, now["types"][name])
    return found


def _field_changes(event_type: str, kept: Description, now: Description) -> list[str]:
    found = []
    for name, field in now.items():
        where = f"field {name!r} of {event_type!r}"
        if name not in kept:
            if field["required"]:
                found.append(f"{where} is new and required; make it optional")
        elif sentence := _change(kept[name], field):
            found.append(f"{where} {sentence}")
    return found


def _change(kept: Description, now: Description) -> str:
    if kept["kind"] != now["kind"]:
        return f"was a {kept['kind']}, is a {now['kind']}"
    if now["required"] and not kept["required"]:
        return "was optional, is required"
    if kept["kind"] == "category":
        gone = [value for value in kept["values"] if value not in now["values"]]
        return f"no longer allows {gone}" if gone else ""
    if kept["unit"] != now["unit"]:
        return f"was in {kept['unit']!r}, is in {now['unit']!r}"
    if now["integer"] and not kept["integer"]:
        return "allowed fractions, no longer does"
    if now["minimum"] > kept["minimum"] or now["maximum"] < kept["maximum"]:
        was, is_ = ((each["minimum"], each["maximum"]) for each in (kept, now))
        return f"had the range {was[0]:g} to {was[1]:g}, has {is_[0]:g} to {is_[1]:g}"
    return ""


def _field(field: Field) -> dict[str, Any]:
    if isinstance(field, Category):
        return {"kind": "category", "required": field.required, "values": list(field.values)}
    return {
        "kind": "number",
        "required": field.required,
        "unit": field.unit,
        "minimum": field.minimum,
        "maximum": field.maximum,
        "integer": field.integer,
    }
