"""The fraud scenario as the engine sees it."""

from typing import Any

from models.training.recipes import calibrated_trees
from scenarios.contract.review.plan import ReviewPlan, ReviewVerdict
from scenarios.contract.scenario import Label, Scenario
from scenarios.fraud.decisions import POLICY
from scenarios.fraud.events import FRAUD, LABEL_SCHEMA, SCHEMA
from scenarios.fraud.parameters import PARAMETERS
from scenarios.fraud.predictors import FEATURES
from scenarios.fraud.terminal import TERMINAL


def estimator(seed: int) -> Any:
    """An untrained calibrated classifier for the scenario's feature row."""
    return calibrated_trees(seed, parameters=PARAMETERS)


SCENARIO = Scenario(
    name="fraud",
    title="Card payments that are not the card holder's own",
    schema=SCHEMA,
    features=FEATURES,
    label=Label(
        schema=LABEL_SCHEMA,
        event_type="verdict",
        field="verdict",
        positive=FRAUD,
        # A verdict is dated when it is final, a week after the payment.
        maturity_days=0.0,
        of_event=("payment", "payment_id"),
    ),
    policy=POLICY,
    estimator=estimator,
    required_feature="amount_usd",
    second_entities=(TERMINAL,),
    # The busiest card of the file has 430 payments in 100 days; one that pays 100,000 times in a
    # minute must not fill the memory.
    max_window_events=512,
    identity_field="payment_id",
    review=ReviewPlan(
        verdicts=(
            ReviewVerdict(name="fraud", label=True),
            ReviewVerdict(name="genuine", label=False),
            ReviewVerdict(name="unreachable", label=None),
        )
    ),
)
