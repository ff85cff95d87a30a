"""Figures of the business page: sums by hand, intervals around them, or reasons."""

import numpy as np
import pytest

from bench.campaigns import cases_of, drawn_customers
from monitoring.business.control_quality import CONTROL_PART, control_quality
from monitoring.business.figures import BusinessFigure
from monitoring.business.offers import OfferOptions, offer_figures
from monitoring.business.reviews import ReviewOptions, review_figures
from monitoring.cases import Period
from tests.unit.monitoring.business.made_cases import DAY_MS, cases

OFFERS = OfferOptions(bands=("medium", "high"), customer_value=400.0)
REVIEWS = ReviewOptions(
    review_bands=("medium",),
    blocked_bands=("high",),
    false_alarm_cost=20.0,
    review_cost=1.0,
    cards_per_day=2.0,
)
TWO_DAYS = Period(number=0, begin_ms=0, end_ms=2 * DAY_MS)


def named(figures: tuple[BusinessFigure, ...], name: str) -> BusinessFigure:
    return next(figure for figure in figures if figure.name == name)


def test_offers_that_work_bring_customers_and_money() -> None:
    random = np.random.default_rng(1)
    data = cases_of(drawn_customers(random, 8_000, 0.8), random, 0.2)
    figures = offer_figures(data, OFFERS)
    assert all(figure.reason == "" or "agents" in figure.reason for figure in figures)
    acted_on, control, saved, cost, profit = (
        named(figures, name)
        for name in (
            "churn rate acted on",
            "churn rate in the control group",
            "customers saved",
            "cost of offers",
            "return of the offers",
        )
    )
    assert acted_on.value is not None
    assert control.value is not None
    assert saved.value is not None
    assert cost.value is not None
    assert cost.value == 20.0 * data.is_accepted.sum()
    assert (cost.low, cost.high) == (None, None)
    in_arm = ((data.bands > 0) & ~data.is_control).sum()
    assert saved.value == pytest.approx((control.value - acted_on.value) * in_arm)
    assert profit.value == pytest.approx(saved.value * 400.0 - cost.value)
    for figure in (acted_on, control, saved, profit):
        assert figure.low is not None
        assert figure.high is not None
        assert figure.value is not None
        assert figure.low < figure.value < figure.high
        assert figure.method


def test_a_customer_with_two_cases_is_saved_once() -> None:
    random = np.random.default_rng(1)
    once = cases_of(drawn_customers(random, 4_000, 0.8), random, 0.2)
    twice = once.where(np.tile(np.arange(4_000), 2))
    saved = [named(offer_figures(data, OFFERS), "customers saved") for data in (once, twice)]
    assert saved[0].value == pytest.approx(saved[1].value)
    assert saved[0].low is not None
    assert saved[0].low == pytest.approx(saved[1].low)


def test_without_a_control_group_only_the_cost_is_a_figure() -> None:
    figures = offer_figures(cases(np.full(40, 0.6), np.tile([1, 0], 20)), OFFERS)
    values = {figure.name: figure.value for figure in figures if figure.value is not None}
    assert values == {"cost of offers": 0.0}
    assert all(figure.reason for figure in figures if figure.value is None)


def test_both_kinds_of_answers_have_the_same_names() -> None:
    random = np.random.default_rng(1)
    whole = offer_figures(cases_of(drawn_customers(random, 4_000, 0.5), random, 0.2), OFFERS)
    empty = offer_figures(cases(np.full(40, 0.6), np.tile([1, 0], 20)), OFFERS)
    assert {figure.name for figure in whole} == {figure.name for figure in empty}


def test_the_model_is_judged_on_those_who_were_left_alone() -> None:
    """Offers keep high scores from leaving, so the model looks worse on all cases."""
    random = np.random.default_rng(2)
    data = cases_of(drawn_customers(random, 20_000, 1.0), random, 0.3)
    aurocs = {
        m.part: m.interval
        for m in control_quality(data, maturity="mature", rounds=50)
        if m.metric == "auroc"
    }
    naive, control = aurocs[""], aurocs[CONTROL_PART]
    assert control.value is not None
    assert naive.high is not None
    assert control.value > naive.high
    (first, *_) = control_quality(cases([0.5, 0.6], [1, 0]), maturity="mature")
    assert (first.interval.value, first.reason) == (None, "no case is in a control group")


def test_money_load_and_false_alarms_are_summed_as_by_hand() -> None:
    """Fraud of 100 blocked, 50 reviewed, 30 allowed; a good payment blocked; card 1 twice a day."""
    data = cases(
        [0.9, 0.3, 0.1, 0.8, 0.3, 0.3, 0.1],
        [1, 1, 1, 0, 0, 0, np.nan],
        entities=[5, 1, 2, 3, 1, 4, 6],
        made_ms=[0, 0, 0, DAY_MS, 1000, DAY_MS, 0],
        amounts=[100.0, 50.0, 30.0, 70.0, 20.0, 10.0, 999.0],
    )
    figures = review_figures(data, TWO_DAYS, REVIEWS)
    values = {figure.name: figure.value for figure in figures}
    assert values == {
        "money caught": 150.0,
        "money missed": 30.0,
        "share of the money caught": pytest.approx(150 / 180),
        "good payments blocked": 1.0,
        "cost of false alarms": 20.0,
        "load of the review team": 1.0,
        "load over capacity": 0.5,
        "cost of reviews": 2.0,
    }
    caught = named(figures, "money caught")
    assert caught.low is not None
    assert caught.high is not None
    assert caught.low <= 50.0 < 150.0 < caught.high
    assert "1 of 7 cases have no label yet" in caught.reason


def test_the_interval_of_money_holds_the_expected_sum() -> None:
    """50 weeks of 400 payments; below 42 of 50 intervals of 95 % has a probability of 0.1 %."""
    inside = 0
    for seed in range(50):
        random = np.random.default_rng(seed)
        labels = (random.random(2_000) < 0.1).astype(float)
        amounts = random.gamma(2.0, 50.0, 2_000)
        data = cases(np.full(2_000, 0.9), labels, amounts=amounts)
        caught = named(review_figures(data, TWO_DAYS, REVIEWS), "money caught")
        assert caught.low is not None
        assert caught.high is not None
        inside += caught.low <= 2_000 * 0.1 * 100.0 <= caught.high
    assert inside >= 42


def test_without_amounts_there_is_no_money_but_a_reason() -> None:
    figures = review_figures(cases([0.9, 0.3], [1, 0]), TWO_DAYS, REVIEWS)
    assert named(figures, "money caught").value is None
    assert named(figures, "money caught").reason == "the cases have no amount"
