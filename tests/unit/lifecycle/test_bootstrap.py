"""Intervals: equal to scikit-learn's measures, as wide as they should be, narrower for pairs."""

import numpy as np
import pytest
from sklearn.metrics import average_precision_score, roc_auc_score

from lifecycle.gates.bootstrap import Rows, auroc, average_precision, difference, interval

RANDOM = np.random.default_rng(5)
OUTCOMES = RANDOM.integers(0, 2, 600)
SCORES = np.round(RANDOM.normal(OUTCOMES, 1.2), 1)  # with ties
ROWS = Rows(OUTCOMES, np.arange(600))


def test_weighted_measures_are_those_of_scikit_learn() -> None:
    weights = RANDOM.poisson(1.0, (3, 600)).astype(np.float64)
    areas, precisions = auroc(OUTCOMES, SCORES, weights), average_precision(
        OUTCOMES, SCORES, weights
    )  # fmt: skip
    for row in range(3):
        options = {"sample_weight": weights[row]}
        assert areas[row] == pytest.approx(roc_auc_score(OUTCOMES, SCORES, **options))
        assert precisions[row] == pytest.approx(
            average_precision_score(OUTCOMES, SCORES, **options)
        )


def test_an_interval_covers_its_value_and_is_repeated_by_its_seed() -> None:
    first = interval(auroc, ROWS, SCORES, rounds=300, seed=1)
    assert first.low < first.value < first.high
    # The standard error of Hanley and McNeil (1982) for these rows is about 0.02.
    assert 0.05 < first.high - first.low < 0.12
    assert first == interval(auroc, ROWS, SCORES, rounds=300, seed=1)
    assert first != interval(auroc, ROWS, SCORES, rounds=300, seed=2)


def test_a_paired_difference_is_narrower_than_two_intervals() -> None:
    close = SCORES + RANDOM.normal(0, 0.05, 600)
    pair = difference(auroc, ROWS, SCORES, close, rounds=300, seed=1)
    alone = interval(auroc, ROWS, SCORES, rounds=300, seed=1)
    assert pair.high - pair.low < (alone.high - alone.low) / 3
    same = difference(auroc, ROWS, SCORES, SCORES, rounds=50, seed=1)
    assert (same.value, same.low, same.high) == (0.0, 0.0, 0.0)


def test_rows_of_one_entity_are_resampled_together() -> None:
    repeated = Rows(np.repeat(OUTCOMES, 10), np.repeat(np.arange(600), 10))
    clustered = interval(auroc, repeated, np.repeat(SCORES, 10), rounds=300, seed=1)
    alone = interval(auroc, ROWS, SCORES, rounds=300, seed=1)
    assert clustered.low == pytest.approx(alone.low, abs=1e-9)
