"""Measures of scores agree with their definitions."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.evaluation.metrics import (
    OneClassOnly,
    best_f1_threshold,
    evaluate,
    expected_calibration_error,
)


def test_the_confusion_counts_scores_at_the_threshold_as_positive() -> None:
    metrics = evaluate(np.array([0, 0, 1, 1]), np.array([0.1, 0.4, 0.4, 0.9]), threshold=0.4)
    counts = (metrics.true_negatives, metrics.false_positives, metrics.false_negatives)
    assert (*counts, metrics.true_positives) == (1, 1, 0, 2)
    assert (metrics.auroc, metrics.accuracy, metrics.accuracy_at_threshold) == (0.875, 0.75, 0.75)
    assert metrics.recall_at_threshold == 1.0
    assert metrics.precision_at_threshold == pytest.approx(2 / 3)


def test_outcomes_of_one_kind_are_refused_with_their_count() -> None:
    with pytest.raises(OneClassOnly, match="of 3 outcomes 3 are positive"):
        evaluate(np.array([1, 1, 1]), np.array([0.1, 0.2, 0.3]), threshold=0.5)


def test_scores_equal_to_the_observed_share_are_perfectly_calibrated() -> None:
    outcomes = np.array([1, 0, 0, 0, 1, 1, 1, 0])
    scores = np.array([0.25] * 4 + [0.75] * 4)
    assert expected_calibration_error(outcomes, scores) == pytest.approx(0.0)
    assert expected_calibration_error(1 - outcomes, scores) == pytest.approx(0.5)


@given(st.lists(st.tuples(st.integers(0, 1), st.floats(0, 1)), min_size=4, max_size=60))
def test_no_other_threshold_has_a_better_f1(pairs: list[tuple[int, float]]) -> None:
    outcomes = np.array([pair[0] for pair in pairs] + [0, 1])
    scores = np.array([pair[1] for pair in pairs] + [0.2, 0.8])
    threshold = best_f1_threshold(outcomes, scores)
    best = _f1(outcomes, scores, threshold)
    assert all(_f1(outcomes, scores, other) <= best + 1e-12 for other in scores)


def _f1(outcomes: np.ndarray, scores: np.ndarray, threshold: float) -> float:
    hits = int(((scores >= threshold) & (outcomes == 1)).sum())
    return 2.0 * hits / int((scores >= threshold).sum() + outcomes.sum())
