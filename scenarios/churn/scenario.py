"""The churn scenario as the engine sees it."""

from typing import Any

from models.training.recipes import calibrated_trees
from scenarios.churn.decisions import POLICY
from scenarios.churn.events import LABEL_SCHEMA, SCHEMA
from scenarios.churn.offers import OFFERS
from scenarios.churn.predictors import FEATURES, MONOTONIC
from scenarios.contract.review.plan import ReviewPlan, ReviewVerdict
from scenarios.contract.scenario import Label, Scenario


def estimator(seed: int) -> Any:
    """An untrained calibrated classifier for the columns of `FEATURES`, in that order."""
    return calibrated_trees(
        seed, monotonic=[MONOTONIC.get(feature.name, 0) for feature in FEATURES]
    )


SCENARIO = Scenario(
    name="churn",
    title="Telephone customers about to leave",
    schema=SCHEMA,
    features=FEATURES,
    label=Label(
        schema=LABEL_SCHEMA,
        event_type="outcome",
        field="outcome",
        positive="left",
        # An outcome is final when it is published. Where "renewed" can still be withdrawn, put the
        # length of that period here: training then waits as long before it uses a label.
        maturity_days=0.0,
    ),
    policy=POLICY,
    estimator=estimator,
    # Only a full profile states it: no customer is scored on a support call alone.
    required_feature="gender",
    actionable=OFFERS,
    review=ReviewPlan(
        verdicts=(
            ReviewVerdict(name="will leave", label=True),
            ReviewVerdict(name="will stay", label=False),
            ReviewVerdict(name="unclear", label=None),
        )
    ),
)
