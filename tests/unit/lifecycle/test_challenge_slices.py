"""Slices in which a challenger is below the floor: noticed, and not called so by chance."""

from dataclasses import replace

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from lifecycle.challenge.cases import Pairs
from lifecycle.challenge.slices import auroc_with_error, below_floor, slice_results
from tests.support.tiny_life import BOUNDS

CONTRACTS = 3


def pairs(seed: int, count: int, *, broken: int | None) -> Pairs:
    """Cases of three contracts; scores of `broken` say nothing, all others rank at about 0.76."""
    random = np.random.default_rng(seed)
    contracts = random.integers(0, CONTRACTS, count).astype(np.float64)
    signal = random.normal(0.0, 1.0, count)
    labels = (random.random(count) < 1.0 / (1.0 + np.exp(1.0 - signal))).astype(np.float64)
    scores = 1.0 / (1.0 + np.exp(1.0 - signal))
    if broken is not None:
        rows = contracts == broken
        scores[rows] = random.permutation(scores[rows])
    return Pairs(
        champion=scores,
        other=scores,
        labels=labels,
        thresholds=np.full(count, 0.5),
        known_ms=np.arange(count),
        failed=0,
        slice_features={"contract": contracts},
    )


def until(cases: Pairs, count: int) -> Pairs:
    return replace(
        cases,
        other=cases.other[:count],
        labels=cases.labels[:count],
        slice_features={name: values[:count] for name, values in cases.slice_features.items()},
    )


def test_area_and_error_are_those_of_scikit_learn_and_of_the_bootstrap() -> None:
    random = np.random.default_rng(3)
    labels = (random.random(400) < 0.3).astype(np.float64)
    scores = np.round(random.normal(labels, 1.2), 1)  # with ties
    area, error = auroc_with_error(labels, scores)
    assert area == pytest.approx(roc_auc_score(labels, scores), abs=1e-12)
    resampled = []
    for _ in range(600):
        rows = random.integers(0, 400, 400)
        resampled.append(roc_auc_score(labels[rows], scores[rows]))
    assert error == pytest.approx(np.std(resampled), rel=0.12)


def test_a_broken_slice_is_below_the_floor_and_the_others_are_not() -> None:
    bounds = replace(BOUNDS, slices={"contract": []}, slice_minimum_auroc=0.65)
    results = slice_results(pairs(1, 6_000, broken=2), bounds, tightest_at=5_000)
    assert [part.slice_name for part in results] == ["contract = 0", "contract = 1", "contract = 2"]
    assert [part.slice_name for part in below_floor(results)] == ["contract = 2"]
    few = slice_results(pairs(1, 300, broken=2), bounds, tightest_at=5_000)
    assert [part.auroc for part in few] == [None] * CONTRACTS
    assert below_floor(few) == []


def test_looking_every_day_does_not_call_a_slice_at_the_floor_below_it() -> None:
    """Scores of chance against a floor of chance: the worst case that is not below."""
    bounds = replace(BOUNDS, slices={"contract": []}, slice_minimum_auroc=0.5)
    alarms = 0
    for seed in range(60):
        cases = pairs(seed, 6_000, broken=0)
        looks = [
            below_floor(slice_results(until(cases, count), bounds, tightest_at=2_000))
            for count in range(300, 6_001, 300)
        ]
        alarms += any(looks)
    assert alarms <= 3  # 5 % of 60 at most, all three slices together
