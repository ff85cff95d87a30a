"""Do the fields that a feature reads exist in the events that it reads them from?"""

from features.definitions import Where
from features.schema import Category, EventSchema, SchemaError, ValueField, value_fields


def field_of(schema: EventSchema, name: str) -> ValueField:
    """The declaration of field `name`; raises `SchemaError`."""
    if name not in schema.fields:
        raise SchemaError(f"field {name!r} is not one of {list(schema.fields)}")
    return schema.fields[name]


def check_fields(
    schema: EventSchema, event_type: str, value: str | None, where: Where | None
) -> None:
    """Raise `SchemaError` unless events of `event_type` have what is read of them."""
    fields = schema.event_type(event_type).fields
    present = {value.name for field in fields for value in value_fields(field)}
    for name in filter(None, (value, where[0] if where else None)):
        if name not in present:
            raise SchemaError(
                f"a feature reads field {name!r} of event type {event_type!r}, "
                f"which has {sorted(present)}"
            )


def condition_of(schema: EventSchema, where: Where | None) -> tuple[int, int]:
    """Values column and category code that `where` asks for; (-1, 0) where it asks nothing."""
    if where is None:
        return -1, 0
    name, value = where
    declared = field_of(schema, name)
    if not isinstance(declared, Category) or value not in declared.codes:
        raise SchemaError(f"condition {name!r} = {value!r} is not a category's value")
    return schema.columns[name], int(declared.codes[value])
