"""The effect of an action by its control group, and how far the naive figure is wrong."""

import numpy as np
import pytest

from bench.campaigns import campaign, holds, true_figures
from monitoring.business.effect import Effect, NoEffect, Uptake, effect
from monitoring.business.estimates import weighted_mean
from monitoring.business.qini import Qini, qini
from tests.unit.monitoring.business.made_cases import cases

BANDS = ("medium", "high")


def test_a_difference_of_two_arms_is_computed_as_by_hand() -> None:
    """20 of 40 leave in control, 20 of 160 acted on; half of those were shown an offer."""
    labels = np.r_[np.tile([1, 0], 20), np.tile([1, 0, 0, 0, 0, 0, 0, 0], 20)]
    is_control = np.arange(200) < 40
    is_shown = ~is_control & (np.arange(200) % 2 == 0)
    result = effect(
        cases(
            np.full(200, 0.6), labels, is_control=is_control, control_share=0.2, is_shown=is_shown
        ),
        bands=BANDS,
    )
    assert isinstance(result, Effect)
    assert result.control.value == pytest.approx(0.5)
    assert result.acted_on.value == pytest.approx(0.125)
    assert result.avoided.value == pytest.approx(0.375)
    variance = 0.25 / 39 + 0.125 * 0.875 / 159
    assert result.avoided.deviation == pytest.approx(np.sqrt(variance), rel=1e-3)
    assert isinstance(result.shown, Uptake)
    assert result.shown.effect.value == pytest.approx(0.375 / 0.5)
    # All leavers of the acted-on arm are at even places: they were shown an offer.
    assert result.shown.naive.value == pytest.approx(-0.25)
    assert result.shown.error.value == pytest.approx(-0.25 - 0.75)


def test_cases_below_the_bands_and_without_a_label_take_no_part() -> None:
    labels = np.tile([1.0, 0.0], 100)
    is_control = np.arange(200) % 4 < 2
    plain = cases(np.full(200, 0.6), labels, is_control=is_control, control_share=0.5)
    scores = np.r_[np.full(200, 0.6), np.full(100, 0.1), np.full(50, 0.9)]
    more = cases(
        scores,
        np.r_[labels, np.ones(100), np.full(50, np.nan)],
        is_control=np.r_[is_control, np.ones(150, dtype=bool)],
        control_share=0.5,
    )
    results = [effect(data, bands=BANDS) for data in (plain, more)]
    assert isinstance(results[0], Effect)
    assert isinstance(results[1], Effect)
    assert results[0].control.value == results[1].control.value
    assert results[0].avoided.deviation == results[1].avoided.deviation


def test_rows_of_one_customer_are_no_independent_evidence() -> None:
    labels, entities = np.repeat([1.0, 0.0, 1.0, 0.0], 25), np.repeat(np.arange(4), 25)
    together = weighted_mean(labels, np.ones(100), entities)
    apart = weighted_mean(labels, np.ones(100), np.arange(100))
    assert together.value == apart.value == 0.5
    assert together.deviation > 4 * apart.deviation


def test_without_a_control_group_there_is_no_effect_and_it_is_said_why() -> None:
    result = effect(cases(np.full(100, 0.6), np.tile([1, 0], 50)), bands=BANDS)
    assert isinstance(result, NoEffect)
    assert "the control group has 0 labelled cases" in result.reason
    assert isinstance(qini(cases(np.full(100, 0.6), np.tile([1, 0], 50)), bands=BANDS), NoEffect)


def test_an_unknown_band_is_refused() -> None:
    with pytest.raises(ValueError, match="bands \\['top'\\] are none of"):
        effect(cases([0.5], [1]), bands=("top",))


def test_the_qini_curve_sees_who_is_helped_most() -> None:
    """The offer helps only those with a high score; a ranking the other way round is as bad."""
    random = np.random.default_rng(5)
    scores = random.uniform(0.3, 0.9, 6_000)
    is_control = random.random(6_000) < 0.5
    is_helped = (scores > 0.6) & ~is_control
    labels = (random.random(6_000) < np.where(is_helped, 0.2, 0.5)).astype(float)
    data = cases(scores, labels, is_control=is_control, control_share=0.5)
    good, bad = (
        qini(data, bands=BANDS, ranking=ranking, rounds=100) for ranking in (scores, -scores)
    )
    assert isinstance(good, Qini)
    assert isinstance(bad, Qini)
    assert good.avoided[0] == 0.0
    assert good.avoided[-1] == pytest.approx(0.15, abs=0.03)
    # Half of the customers, each 0.3: 0.3·x up to x = 0.5, then level; a triangle of 0.0375.
    assert good.coefficient.low is not None
    assert good.coefficient.low > 0.0
    assert good.coefficient.value == pytest.approx(0.0375, abs=0.01)
    assert bad.coefficient.high is not None
    assert bad.coefficient.high < 0.0


def test_planted_effects_are_in_their_intervals_and_naive_ones_are_not() -> None:
    """20 campaigns: fewer than 16 of 20 intervals of 95 % have a probability of 0.3 %."""
    truth = true_figures(0.5)
    campaigns = [campaign(seed, 4_000, 0.2, 0.5, rounds=50) for seed in range(20)]
    inside = sum(holds(c.effect.avoided.interval(), truth.avoided) for c in campaigns)
    naive = sum(holds(c.shown.naive.interval(), truth.per_offer) for c in campaigns)
    assert inside >= 16
    assert naive <= 4
