"""Bands, rules and shares decide as declared, and open cases are refused at start."""

import numpy as np
import pytest

from scenarios.contract.judging.condition import Condition
from scenarios.contract.policy import Band, Decisions, Policy, PolicyError, Rule
from scenarios.contract.shares import is_in_share

BANDS = (Band(name="low", lowest_score=0.0), Band(name="high", lowest_score=0.5))
RULES = (
    Rule(
        action="call", bands=("high",), when=(Condition(feature="calls", at_least=2),), review=True
    ),
    Rule(action="offer", bands=("high",)),
    Rule(action="none", bands=("low",)),
)
POLICY = Policy(bands=BANDS, rules=RULES, valid_days=30, control_action="leave alone")


def decide(scores: list[float], calls: list[float], control: bool = False) -> Decisions:
    """Decide cases by the policy's own thresholds."""
    return POLICY.decide(
        np.array(scores),
        np.array(calls)[:, None],
        feature_names=["calls"],
        thresholds=POLICY.thresholds(),
        is_control=np.full(len(scores), control),
    )


def test_a_score_on_the_edge_belongs_to_the_upper_band() -> None:
    decisions = decide([0.0, 0.4999999, 0.5, 1.0], [0, 0, 0, 0])
    assert decisions.bands.tolist() == [0, 0, 1, 1]


def test_the_first_rule_that_fits_wins_and_a_missing_feature_meets_no_condition() -> None:
    decisions = decide([0.9, 0.9, 0.9, 0.1], [2, 1, np.nan, 5])
    assert [POLICY.actions[a] for a in decisions.actions] == ["call", "offer", "offer", "none"]
    assert decisions.review.tolist() == [True, False, False, False]


def test_the_control_group_gets_its_own_action() -> None:
    decisions = decide([0.9], [2], control=True)
    assert POLICY.actions[decisions.actions[0]] == "leave alone"


def test_a_policy_that_leaves_a_case_open_is_refused() -> None:
    with pytest.raises(PolicyError, match=r"\['high'\] without a last rule"):
        Policy(bands=BANDS, rules=(RULES[0], RULES[2]), valid_days=1)
    with pytest.raises(PolicyError, match="begin at 0"):
        Policy(bands=BANDS[1:], rules=(RULES[1],), valid_days=1)


def test_what_decides_is_in_the_version() -> None:
    other = Policy(bands=BANDS, rules=RULES, valid_days=31, control_action="leave alone")
    assert other.version != POLICY.version


def test_shares_are_stable_and_of_the_stated_size() -> None:
    ids = [f"customer-{number}" for number in range(20_000)]
    memberships = [is_in_share(entity, 0.05, salt="a") for entity in ids]
    assert memberships == [is_in_share(entity, 0.05, salt="a") for entity in ids]
    assert 900 < sum(memberships) < 1100
    assert memberships != [is_in_share(entity, 0.05, salt="b") for entity in ids]
    assert not any(is_in_share(entity, 0.0, salt="a") for entity in ids[:100])
