import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

from monitoring.estimate.calibration import (
    agreement_p_value,
    fit_calibration,
    logits,
    sigmoid,
)
from tests.support.periods import cases


def test_fit_is_that_of_a_logistic_regression() -> None:
    some = cases(3_000, truth=lambda scores, _: sigmoid(0.4 + 0.7 * logits(scores)))
    fitted = fit_calibration(some.scores, some.labels)
    reference = LogisticRegression(C=np.inf, tol=1e-8, max_iter=1_000)
    reference.fit(logits(some.scores)[:, None], some.labels)
    expected = [reference.intercept_[0], reference.coef_[0, 0]]
    assert fitted.parameters == pytest.approx(expected, abs=1e-3)


def test_probabilities_undo_a_bias_of_the_scores() -> None:
    some = cases(200_000, truth=lambda scores, _: sigmoid(0.4 + 0.7 * logits(scores)))
    fitted = fit_calibration(some.scores, some.labels)
    assert np.abs(
        fitted.probabilities(some.scores) - sigmoid(0.4 + 0.7 * logits(some.scores))
    ).max() == pytest.approx(0.0, abs=0.02)


def test_separated_classes_still_have_a_calibration() -> None:
    scores = np.repeat([0.1, 0.9], 20)
    fitted = fit_calibration(scores, np.repeat([0.0, 1.0], 20))
    assert np.isfinite(fitted.parameters).all()


def test_equal_calibrations_are_called_different_as_often_as_the_p_value_says() -> None:
    """200 pairs: p below 0.05 in 2 to 8 % of them; always when the intercept moved by 1."""

    def p_value(seed: int, shift: float) -> float:
        one = cases(500, seed=2 * seed)
        other = cases(
            500, seed=2 * seed + 1, truth=lambda scores, _: sigmoid(logits(scores) + shift)
        )
        return agreement_p_value(
            fit_calibration(one.scores, one.labels), fit_calibration(other.scores, other.labels)
        )

    assert 0.02 <= np.mean([p_value(seed, 0.0) < 0.05 for seed in range(200)]) <= 0.08
    assert all(p_value(seed, 1.0) < 0.05 for seed in range(20))
