"""Thresholds follow from the costs, and reviews never exceed what the team can take."""

import numpy as np
import pytest

from models.evaluation.cost_thresholds import (
    BadCosts,
    Costs,
    Scored,
    thresholds_by_cost,
    total_cost_usd,
)

COSTS = Costs(missed_usd=160.0, false_alarm_usd=20.0, review_usd=8.0, cards_per_day=100.0)


def _scored(scores: list[float], *, days: int = 1) -> Scored:
    return Scored(
        days=np.arange(len(scores)) % days,
        cards=np.arange(len(scores)),
        scores=np.array(scores),
    )


def test_with_room_for_all_a_case_is_reviewed_where_that_is_the_cheapest() -> None:
    thresholds = thresholds_by_cost(_scored([0.01, 0.2, 0.4, 0.9]), COSTS)
    assert thresholds.review_from == pytest.approx(8 / 160)
    assert thresholds.block_from == pytest.approx(1 - 8 / 20)
    assert thresholds.cards_reviewed_per_day == 2
    for score, cheapest in ((0.04, "allow"), (0.06, "review"), (0.59, "review"), (0.61, "block")):
        price = {"allow": score * 160, "review": 8.0, "block": (1 - score) * 20}
        assert min(price, key=lambda name: price[name]) == cheapest


def test_a_team_that_is_too_small_reviews_only_the_cases_in_the_most_doubt() -> None:
    scores = np.linspace(0.0, 1.0, 1001).tolist()
    thresholds = thresholds_by_cost(_scored(scores), COSTS)
    assert 95 <= thresholds.cards_reviewed_per_day <= 100
    assert 0.05 < thresholds.review_from < 20 / 180 < thresholds.block_from < 0.6
    price_of_allowing = thresholds.review_from * 160
    price_of_blocking = (1 - thresholds.block_from) * 20
    assert price_of_allowing == pytest.approx(price_of_blocking)


def test_a_card_with_many_payments_a_day_is_one_review() -> None:
    one = np.zeros(500, dtype=np.int64)
    scored = Scored(days=one, cards=one, scores=np.full(500, 0.3))
    thresholds = thresholds_by_cost(scored, COSTS)
    assert thresholds.cards_reviewed_per_day == 1
    assert thresholds.review_price_usd == 8.0


def test_capacity_is_a_mean_over_days() -> None:
    scores = [0.3] * 300
    three_days = thresholds_by_cost(_scored(scores, days=3), COSTS)
    one_day = thresholds_by_cost(_scored(scores), COSTS)
    assert (three_days.cards_reviewed_per_day, one_day.cards_reviewed_per_day) == (100, 0)


def test_what_decisions_cost() -> None:
    scored = _scored([0.01, 0.02, 0.2, 0.3, 0.9, 0.95])
    thresholds = thresholds_by_cost(scored, COSTS)
    outcomes = np.array([0, 1, 0, 1, 0, 1])
    # One missed, two reviews, one false alarm.
    assert total_cost_usd(outcomes, scored, COSTS, thresholds) == 160 + 2 * 8 + 20


def test_a_review_dearer_than_what_it_prevents_is_refused() -> None:
    with pytest.raises(BadCosts, match="cheaper"):
        Costs(missed_usd=5.0, false_alarm_usd=20.0, review_usd=8.0, cards_per_day=100.0)
