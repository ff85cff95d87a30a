"""Card payments with the Handbook's nine customer features: the benchmark with history.

The fraud scenario has more (31 features, 14 of them of terminals); these nine are what every peer
computes too, under the same names, so that all systems do the same work.
"""

from typing import Any

from bench.scenarios.numbers import TREES
from features.definitions import IsBetweenHours, IsWeekend, LastValue, WindowCount, WindowMean
from features.schema import EventSchema
from scenarios.contract.policy import Band, Policy, Rule
from scenarios.contract.scenario import Label, Scenario
from scenarios.fraud.events import ENTITY_FIELD, FRAUD, LABEL_SCHEMA, SCHEMA

_PAYMENTS, _AMOUNT = ("payment",), "amount_usd"
_DAYS = (1, 7, 30)


def estimator(seed: int) -> Any:
    """Untrained gradient boosting of 50 trees, with its library's defaults."""
    from sklearn.ensemble import HistGradientBoostingClassifier

    return HistGradientBoostingClassifier(max_iter=TREES, early_stopping=False, random_state=seed)


SCENARIO = Scenario(
    name="cards",
    title="Card payments",
    schema=EventSchema(entity_field=ENTITY_FIELD, types=SCHEMA.types),
    features=(
        *(WindowCount(name=f"payments_{days}d", on=_PAYMENTS, days=days) for days in _DAYS),
        *(
            WindowMean(name=f"amount_mean_{days}d", on=_PAYMENTS, field=_AMOUNT, days=days)
            for days in _DAYS
        ),
        IsBetweenHours(name="is_night", from_hour=0, before_hour=7),
        IsWeekend(name="is_weekend"),
        LastValue(name=_AMOUNT, on=_PAYMENTS, field=_AMOUNT),
    ),
    label=Label(
        schema=LABEL_SCHEMA,
        event_type="verdict",
        field="verdict",
        positive=FRAUD,
        maturity_days=0.0,
        of_event=("payment", "payment_id"),
    ),
    # No band is explained: the peers explain nothing either.
    policy=Policy(
        bands=(Band(name="low", lowest_score=0.0), Band(name="high", lowest_score=0.5)),
        rules=(Rule(action="block", bands=("high",)), Rule(action="allow", bands=("low",))),
        valid_days=1,
    ),
    estimator=estimator,
    required_feature=_AMOUNT,
)
