"""Confidence sequences against the paper's formula and by simulation; verdicts in plain words."""

import math

import numpy as np
import pytest

from lifecycle.challenge.cases import ArmCases, Measure, Pairs
from lifecycle.challenge.confidence_sequence import (
    ALPHA,
    LEAST_VALUES,
    arm_differences,
    estimate,
    radius,
    tightest_rho,
    values_until,
)
from lifecycle.challenge.verdict import verdict


def test_the_radius_is_the_papers() -> None:
    count, rho = 1_000, 0.05
    grown = count * rho**2 + 1
    expected = math.sqrt(2 * grown / (count**2 * rho**2) * math.log(math.sqrt(grown) / ALPHA))
    assert float(radius(count, rho=rho)) == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize("count", [500, 10_000, 1_000_000])
def test_it_is_about_tightest_where_it_shall_be(count: int) -> None:
    best = float(radius(count, rho=tightest_rho(count)))
    others = [float(radius(count, rho=rho)) for rho in np.geomspace(1e-5, 1, 2_000)]
    assert min(others) <= best <= 1.001 * min(others)
    assert best > 1.96 / math.sqrt(count)


def test_the_mean_is_ever_outside_in_at_most_five_percent() -> None:
    """300 walks of skewed values, looked at after each: a test at 5 % each time errs in most."""
    random, rho = np.random.default_rng(3), tightest_rho(2_000)
    walks = random.exponential(size=(300, 10_000)) - 1.0
    counts = np.arange(1, walks.shape[1] + 1, dtype=np.float64)
    means = np.cumsum(walks, axis=1) / counts
    deviations = np.sqrt(np.cumsum(walks**2, axis=1) / counts - means**2)
    late = counts >= LEAST_VALUES
    outside = np.abs(means) > deviations * radius(counts, rho=rho)
    often = np.abs(means) > deviations * 1.96 / np.sqrt(counts)
    assert outside[:, late].any(axis=1).mean() <= ALPHA
    assert often[:, late].any(axis=1).mean() > 0.3


def test_arms_give_the_difference_of_their_means_and_its_variance() -> None:
    random = np.random.default_rng(1)
    in_challenger = random.random(20_000) < 0.2
    costs = random.normal(1.0, 2.0, 20_000) - 0.3 * in_challenger
    values = arm_differences(costs, in_challenger, 0.2)
    by_hand = costs[in_challenger].mean() - costs[~in_challenger].mean()
    assert values.mean() == pytest.approx(by_hand, abs=1e-12)
    error = math.sqrt(
        costs[in_challenger].var() / in_challenger.sum()
        + costs[~in_challenger].var() / (~in_challenger).sum()
    )
    assert values.std() / math.sqrt(20_000) == pytest.approx(error, rel=0.02)
    with pytest.raises(ValueError, match="one of the two arms is empty"):
        arm_differences(costs, np.ones(20_000, dtype=np.bool_), 0.2)


def test_an_entity_with_many_labels_is_one_value() -> None:
    arms = ArmCases(
        entities=np.array([0, 0, 0, 1, 2]),
        in_challenger=np.array([True, True, True, False, False]),
        scores=np.array([0.0, 1.0, 1.0, 0.0, 1.0]),
        labels=np.array([1.0, 1.0, 1.0, 0.0, 0.0]),
        thresholds=np.full(5, 0.5),
        known_ms=np.arange(5),
        propensity=1 / 3,
    )
    values = arms.differences(Measure())
    assert len(values) == 3
    assert values.mean() == pytest.approx(1 / 3 - 1 / 2)
    assert len(arms.until(2).differences(Measure())) == 0  # the champion's arm has none yet


def test_costs_are_those_of_missed_cases_and_false_alarms() -> None:
    measure = Measure(name="cost", missed=10.0, false_alarm=1.0)
    scores, labels = np.array([0.4, 0.5, 0.4, 0.5]), np.array([1.0, 1.0, 0.0, 0.0])
    assert measure.of(scores, labels, np.full(4, 0.5)).tolist() == [10.0, 0.0, 0.0, 1.0]


def judged(differences: "np.ndarray[tuple[int], np.dtype[np.float64]]") -> tuple[str, int | None]:
    rho = tightest_rho(2_000)
    result = verdict(
        estimate(differences, rho=rho),
        rho=rho,
        alpha=ALPHA,
        other="shadow version 2",
        measure="Brier score",
        unit="labels",
    )
    assert result.sentence.startswith(f"shadow version 2 is {result.word}")
    return result.word, result.more


def test_verdicts() -> None:
    random = np.random.default_rng(5)
    noise = random.normal(0.0, 0.1, 5_000)
    noise -= noise.mean()
    assert judged(noise - 0.02) == ("better", None)
    assert judged(noise + 0.02) == ("worse", None)
    assert judged(noise[:150]) == ("not known yet", 50)
    assert judged(noise[:0]) == ("not known yet", LEAST_VALUES)
    word, more = judged(noise - 0.002)
    assert word == "not known yet"
    assert more is not None
    assert judged(np.concatenate([noise - 0.002] * (1 + math.ceil(more / 5_000))))[0] == "better"


def test_more_labels_are_needed_for_smaller_differences() -> None:
    rho = tightest_rho(2_000)
    needed = [values_until(effect, 0.1, rho=rho) for effect in (0.02, 0.01, 0.005)]
    assert needed == sorted(number for number in needed if number is not None)
    assert values_until(0.0, 0.1, rho=rho) is None
    first = needed[0] or 0
    assert 0.1 * float(radius(first, rho=rho)) <= 0.02 < 0.1 * float(radius(first - 1, rho=rho))


def test_pairs_differ_per_label() -> None:
    pairs = Pairs(
        champion=np.array([0.5, 0.5]),
        other=np.array([0.0, 1.0]),
        labels=np.array([0.0, 0.0]),
        thresholds=np.full(2, 0.5),
        known_ms=np.arange(2),
        failed=0,
    )
    assert pairs.differences(Measure()).tolist() == [-0.25, 0.75]
