"""The chest X-ray scenario as the engine sees it."""

from typing import Any

from scenarios.contract.review.plan import ReviewPlan, ReviewVerdict
from scenarios.contract.scenario import Label, Scenario
from scenarios.xray.decision_model import decision_model
from scenarios.xray.decisions import NOTICE, POLICY, PREVALENCE
from scenarios.xray.events import LABEL_SCHEMA, NETWORK, PNEUMONIA, SCHEMA
from scenarios.xray.predictors import FEATURES, MODEL_FEATURES

LIMITS_OF_USE = (
    f"{NOTICE} Network {NETWORK.digest[:16]}, trained on chest X-rays of children aged one to five "
    "of one hospital (Kermany et al. 2018), seen from the front, 64 x 64 pixels: it knows no "
    "adults, no other disease and no other device. Its weights come from 60 % of the children; "
    "another 20 % set its temperatures and train this model; the last 20 % are for figures. No "
    "child is in two parts, and numbers that two children may share stay together. Figures on "
    "PneumoniaMNIST's validation images would be too good: half of those with pneumonia show a "
    "child that is in its training images as well. Scores are probabilities where, as among these "
    "children, 73 % have pneumonia. Where 1 % have it, "
    "about one of two reports and three of four alerts are false: see docs/xray.md."
)


def estimator(seed: int) -> Any:
    """An untrained model for the scenario's feature row; it has nothing random in it."""
    names = [feature.name for feature in FEATURES]
    return decision_model(names, used=MODEL_FEATURES, prevalence=PREVALENCE)


SCENARIO = Scenario(
    name="xray",
    title="Chest X-rays of children: pneumonia, and of which cause",
    schema=SCHEMA,
    features=FEATURES,
    label=Label(
        schema=LABEL_SCHEMA,
        event_type="finding",
        field="finding",
        positive=PNEUMONIA,
        # A finding is dated when it is final, days after the study.
        maturity_days=0.0,
        of_event=("study", "study_id"),
    ),
    policy=POLICY,
    estimator=estimator,
    # No figures, no score: what cannot be read is never "normal".
    required_feature="pneumonia",
    review=ReviewPlan(
        # A share of everything else, above all of what is read as routine, is looked at as well:
        # only so the missed pneumonias are found.
        random_share=0.05,
        disagreements=True,
        # What was not analysed must not look like "normal".
        reviews_refused=True,
        verdicts=(
            ReviewVerdict(name="pneumonia", label=True),
            ReviewVerdict(name="normal", label=False),
            ReviewVerdict(name="unclear", label=None),
        ),
    ),
    notice=NOTICE,
    limits_of_use=LIMITS_OF_USE,
)
