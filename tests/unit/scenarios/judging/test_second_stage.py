"""A second question is asked of some bands only, and answered only where it is certain enough."""

import math

import numpy as np
import pytest

from scenarios.contract.judging.second_stage import SecondStage, SecondStageError
from scenarios.contract.policy import Band, Policy, PolicyError, Rule
from tests.scenarios.leaves import STAGE

CERTAIN = STAGE.limits("fungus")[0]


def test_answers_follow_the_log_odds_and_abstain_between() -> None:
    log_odds = np.array([3.0, CERTAIN, 0.0, -CERTAIN, -3.0, np.nan, 1000.0])
    answers = STAGE.answers(log_odds, np.ones(7, dtype=np.bool_))
    findings = [answers.finding(row, STAGE) for row in range(7)]
    assert [finding and finding.finding for finding in findings] == [
        "fungus",
        "fungus",
        "unclear",
        "unclear",
        "insects",
        "unclear",
        "fungus",
    ]
    assert findings[5] is not None
    assert findings[5].probability is None
    assert findings[0] is not None
    assert findings[0].probability == pytest.approx(1 / (1 + math.exp(-3.0)))


def test_bands_that_are_not_asked_have_no_answer() -> None:
    answers = STAGE.answers(np.array([3.0, 3.0]), np.array([False, True]))
    assert answers.finding(0, STAGE) is None
    assert answers.finding(1, STAGE) is not None


def test_a_rules_condition_is_true_exactly_where_the_answer_is_given() -> None:
    log_odds = np.linspace(-2, 2, 401)
    codes = STAGE.answers(log_odds, np.ones(401, dtype=np.bool_)).codes
    for code, finding in enumerate(STAGE.findings):
        condition = STAGE.condition(finding)
        holds = (log_odds >= condition.at_least) & (log_odds < condition.below)
        assert (holds == (codes == code)).all()


@pytest.mark.parametrize("least_certain", [0.5, 1.0, 0.2])
def test_a_certainty_that_would_never_or_always_abstain_is_refused(least_certain: float) -> None:
    with pytest.raises(SecondStageError, match="least_certain"):
        SecondStage(
            name="x",
            feature="f",
            bands=(),
            positive="a",
            negative="b",
            least_certain=least_certain,
        )


def test_a_policy_with_a_second_stage_of_an_unknown_band_is_refused() -> None:
    with pytest.raises(PolicyError, match=r"unknown bands \['sick'\]"):
        Policy(
            bands=(Band(name="well", lowest_score=0.0),),
            rules=(Rule(action="none", bands=("well",)),),
            valid_days=1,
            second_stage=STAGE,
        )


def test_policies_without_one_keep_their_version() -> None:
    policy = Policy(
        bands=(Band(name="well", lowest_score=0.0),),
        rules=(Rule(action="none", bands=("well",)),),
        valid_days=1,
    )
    assert policy.version == "d13165b86e45"
