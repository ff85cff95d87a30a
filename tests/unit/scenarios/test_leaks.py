"""A scenario whose label could get into its features is refused at start."""

from dataclasses import replace

import pytest

from features.schema import Category, EventSchema, EventType
from scenarios.contract.scenario import LeakyScenario
from tests.scenarios.tiny import SCENARIO


@pytest.mark.parametrize("event_type", ["outcome", "verdict"])
def test_a_label_that_is_also_an_event_or_a_field_of_one_is_refused(event_type: str) -> None:
    field = "outcome" if event_type == "verdict" else "result"
    leak = EventType(
        name=event_type, meaning="", fields=(Category(name=field, values=("fine", "failed")),)
    )
    schema = EventSchema(entity_field="machine", types=(*SCENARIO.schema.types, leak))
    with pytest.raises(LeakyScenario, match="another name"):
        replace(SCENARIO, schema=schema)
