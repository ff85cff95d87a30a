"""Which cases are sent to review, why, and with which propensity."""

import numpy as np
import pytest

from scenarios.contract.policy import PolicyError
from scenarios.contract.review.decisions import decision_document, decision_in
from scenarios.contract.review.plan import ReviewPlan, ReviewVerdict, Scored, sent_cases
from stores.records.review_cases import OtherVerdict, Sent
from tests.support.review_cases import BEGIN
from tests.support.review_decisions import review_decision

NAN = float("nan")
THRESHOLDS = {"ok": 0.0, "hot": 0.5}


def scored(count: int = 6) -> Scored:
    """0: by rule; 1: the versions disagree; 2: they agree; 3: features are missing; 4: random."""
    features = np.zeros((count, 4))
    features[3, :3] = NAN
    return Scored(
        by_rule=np.arange(count) == 0,
        bands=np.array([1, 1, 1, 0, 0, 0]),
        other_scores=np.array([NAN, 0.2, 0.5, NAN, NAN, NAN]),
        other_versions=["2"] * count,
        features=features,
        is_random=np.isin(np.arange(count), [0, 4]),
    )


def test_each_cause_sends_its_cases_and_only_chance_has_a_propensity_below_one() -> None:
    plan = ReviewPlan(random_share=0.1, disagreements=True, most_missing=0.5)
    other = OtherVerdict(version="2", score=0.2, band="ok")
    assert sent_cases(scored(), plan, thresholds=THRESHOLDS) == {
        0: Sent(because=("rule",), propensity=1.0),
        1: Sent(because=("disagreement",), propensity=1.0, other=other),
        3: Sent(because=("missing_features",), propensity=1.0),
        4: Sent(because=("random",), propensity=0.1),
    }


def test_without_a_plan_only_rules_send() -> None:
    assert ReviewPlan().is_rules_only
    nobody = Scored(**{**vars(scored()), "is_random": np.zeros(6, dtype=bool)})
    assert [*sent_cases(nobody, ReviewPlan(), thresholds=THRESHOLDS)] == [0]


def test_plans_that_cannot_be_are_refused() -> None:
    with pytest.raises(PolicyError, match=r"random_share is 1\.5"):
        ReviewPlan(random_share=1.5)
    with pytest.raises(PolicyError, match="verdicts of different names"):
        ReviewPlan(verdicts=(ReviewVerdict(name="x", label=True),) * 2)
    with pytest.raises(PolicyError, match="verdicts of different names"):
        ReviewPlan(verdicts=())


def test_a_decision_is_read_back_and_odd_ones_are_none() -> None:
    decision = review_decision(1, entity="ü", event_time=BEGIN, note="<b>", propensity=0.5)
    value = decision_document(decision)
    assert decision_in(value) == decision
    for odd in (
        b"",
        b"\xff",
        b"[" * 9_000,
        value.replace(b'"propensity":0.5', b'"propensity":0.0'),
        value.replace(b'"label":1', b'"label":2'),
        value.replace(b"review_decision", b"outcome"),
    ):
        assert decision_in(odd) is None
