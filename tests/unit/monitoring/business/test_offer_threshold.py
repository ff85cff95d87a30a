"""From which score on an offer pays, by its cost and by what the control group shows of it."""

import numpy as np
import pytest

from monitoring.business.offer_threshold import OfferCosts, offer_proposal
from monitoring.business.thresholds import Proposal, ThresholdsNotDerivable
from monitoring.cases import Cases
from scenarios.contract.policy import Band, Policy, Rule
from tests.unit.monitoring.business.made_cases import DAY_MS, cases

BANDS = ("low", "medium", "high")
POLICY = Policy(
    bands=(
        Band(name="low", lowest_score=0.0),
        Band(name="medium", lowest_score=0.1),
        Band(name="high", lowest_score=0.9),
    ),
    rules=tuple(Rule(action=name, bands=(name,)) for name in BANDS),
    valid_days=30,
)
# With half of the leavers kept an offer pays from 60 / (0.5 * 400) = 0.3 on.
COSTS = OfferCosts(offer_cost=60.0, customer_value=400.0, offers_per_day=1e6)


def customers(saved_share: float, *, count: int = 40_000, control_share: float = 0.3) -> Cases:
    random = np.random.default_rng(7)
    scores = random.uniform(0.0, 1.0, count)
    is_control = random.random(count) < control_share
    is_kept = (scores >= 0.1) & ~is_control & (random.random(count) < saved_share)
    return cases(
        scores,
        (random.random(count) < scores) & ~is_kept,
        made_ms=np.arange(count) % 10 * DAY_MS,
        is_control=is_control,
        control_share=control_share,
        limits=(0.0, 0.1, 0.9),
    )


def proposed(data: Cases, costs: OfferCosts = COSTS, *, present: float = 0.1) -> Proposal:
    return offer_proposal(data, POLICY, {"low": 0.0, "medium": present, "high": 0.9}, costs)


def test_the_limit_is_where_the_offer_pays_for_itself() -> None:
    result = proposed(customers(0.5))
    assert result.proposed["medium"] == pytest.approx(0.3, abs=0.03)
    assert (result.proposed["low"], result.proposed["high"]) == (0.0, 0.9)
    result.check()
    assert result.gain.value == pytest.approx(result.cost_present - result.cost_proposed)
    # From 0.1 to 0.3 an offer loses 60 - p * 200: 20 in the mean, for 800 of 4,000 a day.
    assert result.gain.low is not None
    assert result.gain.high is not None
    assert result.gain.low < 800 * 20.0 < result.gain.high
    assert result.load_proposed < result.load_present


def test_the_limit_that_pays_is_no_gain_over_itself() -> None:
    data = customers(0.5)
    again = proposed(data, present=proposed(data).proposed["medium"])
    assert "expected more than 0" in again.refusal


def test_agents_who_can_make_few_offers_make_them_to_the_highest_scores() -> None:
    few = OfferCosts(offer_cost=60.0, customer_value=400.0, offers_per_day=1_000.0)
    result = proposed(customers(0.5), few)
    assert result.proposed["medium"] == pytest.approx(0.75, abs=0.02)


def test_an_offer_without_effect_has_no_limit() -> None:
    with pytest.raises(ThresholdsNotDerivable, match="do not pay from any score on"):
        proposed(customers(0.0))
    with pytest.raises(ThresholdsNotDerivable, match="the control group has 0 labelled cases"):
        proposed(customers(0.5, control_share=0.0))


def test_costs_of_nothing_are_refused() -> None:
    with pytest.raises(ThresholdsNotDerivable, match="must be positive"):
        OfferCosts(offer_cost=0.0, customer_value=1.0, offers_per_day=1.0)
