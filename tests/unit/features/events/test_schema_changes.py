"""Which changes of a schema leave archived events readable, and which are refused."""

from dataclasses import replace

import pytest

from features.events.schema_changes import breaking_changes, description
from features.schema import Category, EventSchema, EventType, Number

AMOUNT = Number(name="amount", unit="EUR", minimum=0, maximum=100)
KIND = Category(name="kind", values=("a", "b"))


def schema(*fields: Number | Category, entity: str = "shopper", name: str = "sale") -> EventSchema:
    return EventSchema(
        entity_field=entity, types=(EventType(name=name, meaning="", fields=fields),)
    )


def changes(before: EventSchema, after: EventSchema) -> list[str]:
    return breaking_changes(description(before), description(after))


@pytest.mark.parametrize(
    "after",
    [
        schema(AMOUNT, KIND),
        schema(AMOUNT, KIND, Category(name="new", values=("x",), required=False)),
        schema(AMOUNT, replace(KIND, values=("b", "a", "c"))),
        schema(replace(AMOUNT, minimum=-1, maximum=1_000, required=False), KIND),
    ],
)
def test_further_optional_fields_values_and_wider_ranges_are_fine(after: EventSchema) -> None:
    assert changes(schema(AMOUNT, KIND), after) == []


@pytest.mark.parametrize(
    ("after", "words"),
    [
        (schema(Category(name="amount", values=("1",)), KIND), "was a number, is a category"),
        (schema(replace(AMOUNT, unit="USD"), KIND), "was in 'EUR', is in 'USD'"),
        (schema(replace(AMOUNT, maximum=50), KIND), "had the range 0 to 100, has 0 to 50"),
        (schema(replace(AMOUNT, integer=True), KIND), "allowed fractions"),
        (schema(AMOUNT, replace(KIND, values=("a",))), "no longer allows ['b']"),
        (schema(AMOUNT, KIND, Number(name="n", unit="", minimum=0, maximum=1)), "new and required"),
        (schema(AMOUNT, KIND, entity="customer"), "the entity field was 'shopper'"),
        (schema(AMOUNT, KIND, name="purchase"), "event type 'sale' is gone"),
    ],
)
def test_what_makes_archived_events_unreadable_is_named(after: EventSchema, words: str) -> None:
    (sentence,) = changes(schema(AMOUNT, KIND), after)
    assert words in sentence


def test_a_field_that_becomes_required_is_named() -> None:
    before = schema(replace(AMOUNT, required=False))
    assert changes(before, schema(AMOUNT)) == ["field 'amount' of 'sale' was optional, is required"]
