"""What is done about a study's score: report, look first, or routine."""

import numpy as np

from models.evaluation.cost_thresholds import Costs
from scenarios.contract.judging.condition import Condition
from scenarios.contract.judging.second_stage import SecondStage
from scenarios.contract.policy import Band, Policy, Rule
from scenarios.xray.decision_model import at_prevalence

NOTICE = "Illustration only. Not a medical device."

# Share of pneumonia where the scores are used; None: as among the X-rays with findings that the
# model is trained on (73 %). With a number the scores are that population's probabilities, and the
# thresholds move along (`scenarios/xray/decision_model.py`): what is decided stays the same.
PREVALENCE: float | None = None
TRAINED_SHARE = 0.731

# Printed by `python -m scenarios.xray.thresholds`; on the held-out children "uncertain" and above
# find 96 % of the pneumonias at a specificity of 97 %, "pneumonia" alone 93 % at 99 %.
UNCERTAIN_FROM = 0.725
PNEUMONIA_FROM = 0.891
# 99.9 % of the images that the network knows lie below.
NOVEL_FROM = 1.0


def moved(threshold: float, prevalence: float | None) -> float:
    """The threshold that decides alike for scores of a population with `prevalence`."""
    if prevalence is None:
        return threshold
    score = at_prevalence(np.array([threshold]), trained=TRAINED_SHARE, real=prevalence)
    return float(score[0])


# An example: a pneumonia that is read as routine is found a day later, at the price of a worse
# course; a healthy child that is reported as ill is examined again.
COSTS = Costs(missed_usd=2_000.0, false_alarm_usd=150.0, review_usd=10.0, cards_per_day=60.0)

CAUSE = SecondStage(
    name="cause",
    feature="bacterial",
    bands=("pneumonia",),
    positive="bacterial",
    negative="viral",
    unclear="unclear",
    # The answer is right for four of five children of that certainty at least, or there is none.
    least_certain=0.8,
)
_IS_NOVEL = Condition(feature="novelty", at_least=NOVEL_FROM)

POLICY = Policy(
    bands=(
        Band(name="normal", lowest_score=0.0),
        Band(name="uncertain", lowest_score=moved(UNCERTAIN_FROM, PREVALENCE), explained=True),
        Band(name="pneumonia", lowest_score=moved(PNEUMONIA_FROM, PREVALENCE), explained=True),
    ),
    rules=(
        # Whatever the score: it means nothing for an image unlike those of the training.
        Rule(
            action="alert: unlike known images, human review before any report",
            bands=("normal", "uncertain", "pneumonia"),
            when=(_IS_NOVEL,),
            review=True,
        ),
        Rule(
            action="alert: human review before any report",
            bands=("uncertain",),
            review=True,
        ),
        Rule(
            action="alert: report bacterial pneumonia to the physician",
            bands=("pneumonia",),
            when=(CAUSE.condition("bacterial"),),
        ),
        Rule(
            action="alert: report viral pneumonia to the physician",
            bands=("pneumonia",),
            when=(CAUSE.condition("viral"),),
        ),
        # Half of the pneumonias: the cause is left open, which is an answer, and no reason to wait.
        Rule(action="alert: report pneumonia, cause unclear", bands=("pneumonia",)),
        Rule(action="routine reading", bands=("normal",)),
    ),
    valid_days=30,
    # No control group: nobody is left without a reading to measure what reading brings.
    control_share=0.0,
    control_action="routine reading",
    second_stage=CAUSE,
)
