"""Twenty numbers per event and a model over the newest ones: the benchmark without history."""

from typing import Any

from features.definitions import LastValue
from features.schema import Category, EventSchema, EventType, Number
from scenarios.contract.policy import Band, Policy, Rule
from scenarios.contract.scenario import Label, Scenario

ENTITY_FIELD = "customer_id"
NUMBERS = tuple(f"n{number:02d}" for number in range(20))
TREES = 50

SCHEMA = EventSchema(
    entity_field=ENTITY_FIELD,
    types=(
        EventType(
            name="reading",
            meaning="twenty numbers about a customer",
            fields=tuple(
                Number(name=name, unit="", minimum=-100.0, maximum=100.0) for name in NUMBERS
            ),
        ),
    ),
)


def estimator(seed: int) -> Any:
    """Untrained gradient boosting of 50 trees, with its library's defaults."""
    # Imported here: a stream loads this module, and trains nothing (1.1 s).
    from sklearn.ensemble import HistGradientBoostingClassifier

    return HistGradientBoostingClassifier(max_iter=TREES, early_stopping=False, random_state=seed)


SCENARIO = Scenario(
    name="numbers",
    title="Twenty numbers",
    schema=SCHEMA,
    features=tuple(LastValue(name=name, on=("reading",), field=name) for name in NUMBERS),
    label=Label(
        schema=EventSchema(
            entity_field=ENTITY_FIELD,
            types=(
                EventType(
                    name="outcome",
                    meaning="what the numbers should tell",
                    fields=(Category(name="outcome", values=("no", "yes")),),
                ),
            ),
        ),
        event_type="outcome",
        field="outcome",
        positive="yes",
        maturity_days=0,
    ),
    # No band is explained: the peers explain nothing either.
    policy=Policy(
        bands=(Band(name="low", lowest_score=0.0), Band(name="high", lowest_score=0.5)),
        rules=(Rule(action="call", bands=("high",)), Rule(action="none", bands=("low",))),
        valid_days=1,
    ),
    estimator=estimator,
    required_feature=NUMBERS[0],
)
