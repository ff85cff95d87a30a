"""A label that cannot be read from its events is refused at start, not at the first training."""

from dataclasses import replace
from typing import Any

import pytest

from features.schema import EventSchema, EventType, Number, SchemaError
from tests.scenarios.tiny import SCENARIO

HOURS = EventSchema(
    entity_field="machine",
    types=(
        EventType(
            name="outcome",
            meaning="hours until it failed",
            fields=(Number(name="hours", unit="h", minimum=0, maximum=9),),
        ),
    ),
)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"positive": "faild"}, "'faild'.*'fine', 'failed'"),
        ({"field": "result"}, r"'result'.*it has \['outcome'\]"),
        ({"event_type": "verdict"}, r"'verdict' is not one of \['outcome'\]"),
        ({"schema": HOURS, "field": "hours"}, "category 'hours'.*Number"),
    ],
)
def test_a_label_without_its_positive_outcome_is_refused(
    changes: dict[str, Any], message: str
) -> None:
    with pytest.raises(SchemaError, match=message):
        replace(SCENARIO, label=replace(SCENARIO.label, **changes))
