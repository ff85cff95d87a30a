"""Can events that were archived under an earlier schema still be read under the current one?"""

from collections.abc import Mapping
from typing import Any

from features.schema import Attachment, Category, EventSchema, Field

Description = Mapping[str, Any]


def description(schema: EventSchema) -> dict[str, Any]:
    """The schema as plain values: what decides whether an event can be read."""
    return {
        "entity": schema.entity_field,
        "types": {
            kind.name: {field.name: _field(field) for field in kind.fields} for kind in schema.types
        },
    }


def breaking_changes(old: Description, new: Description) -> list[str]:
    """Sentences on what makes events of `old` unreadable or changes their meaning in `new`.

    New event types, new optional fields, further categories and wider ranges are no such change.
    """
    changes = []
    if old["entity"] != new["entity"]:
        changes.append(f"the entity field was {old['entity']!r}, is {new['entity']!r}")
    for name, fields in old["types"].items():
        if name not in new["types"]:
            changes.append(f"event type {name!r} is gone")
            continue
        changes += _field_changes(name, fields, new["types"][name])
    return changes


def _field_changes(event_type: str, old: Description, new: Description) -> list[str]:
    changes = []
    for name, field in new.items():
        where = f"field {name!r} of {event_type!r}"
        if name not in old:
            if field["required"]:
                changes.append(f"{where} is new and required; make it optional")
        elif sentence := _change(old[name], field):
            changes.append(f"{where} {sentence}")
    return changes


def _change(old: Description, new: Description) -> str:
    if old["kind"] != new["kind"]:
        return f"was a {old['kind']}, is a {new['kind']}"
    if new["required"] and not old["required"]:
        return "was optional, is required"
    if old["kind"] == "category":
        gone = [value for value in old["values"] if value not in new["values"]]
        return f"no longer allows {gone}" if gone else ""
    if old["kind"] == "attachment":
        return ""  # figures may change, what was archived can be read all the same
    if old["unit"] != new["unit"]:
        return f"was in {old['unit']!r}, is in {new['unit']!r}"
    if new["integer"] and not old["integer"]:
        return "allowed fractions, no longer does"
    if new["minimum"] > old["minimum"] or new["maximum"] < old["maximum"]:
        was, is_ = ((field["minimum"], field["maximum"]) for field in (old, new))
        return f"had the range {was[0]:g} to {was[1]:g}, has {is_[0]:g} to {is_[1]:g}"
    return ""


def _field(field: Field) -> dict[str, Any]:
    if isinstance(field, Category):
        return {"kind": "category", "required": field.required, "values": list(field.values)}
    if isinstance(field, Attachment):
        return {"kind": "attachment", "required": field.required}
    return {
        "kind": "number",
        "required": field.required,
        "unit": field.unit,
        "minimum": field.minimum,
        "maximum": field.maximum,
        "integer": field.integer,
    }
