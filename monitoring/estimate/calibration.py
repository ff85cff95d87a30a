"""Scores turned into calibrated probabilities on mature cases, with what is uncertain about it."""

from dataclasses import dataclass

import numpy as np

from monitoring.cases import Floats

_LOWEST = 1e-6
_STEPS = 50
# A weak normal prior of this precision lets the fit exist where scores separate the classes.
_PRIOR = 1e-3


@dataclass(frozen=True)
class Calibration:
    """P(label = 1 | score) = sigmoid(intercept + slope · logit(score)).

    Cox, "Two further applications of a model for binary regression", 1958. `parameters` (2,) are
    intercept and slope, `covariance` (2, 2) their sampling covariance; 0 and 1: calibrated.
    """

    parameters: Floats
    covariance: Floats

    def probabilities(self, scores: Floats) -> Floats:
        """Calibrated probabilities (n,) of scores (n,)."""
        intercept, slope = self.parameters
        return sigmoid(intercept + slope * logits(scores))

    def draws(self, scores: Floats, *, count: int, random: np.random.Generator) -> Floats:
        """Probabilities (count, n) under parameters drawn from their sampling distribution."""
        drawn = random.multivariate_normal(self.parameters, self.covariance, size=count)
        return sigmoid(drawn[:, :1] + drawn[:, 1:] * logits(scores)[None, :])


def fit_calibration(scores: Floats, labels: Floats) -> Calibration:
    """The calibration of labelled cases, by maximum likelihood (Newton's method); both (n,)."""
    columns = np.stack([np.ones(len(scores)), logits(scores)], axis=1)
    parameters = np.array([0.0, 1.0])
    prior = _PRIOR * np.eye(2)
    for _ in range(_STEPS):
        probabilities = sigmoid(columns @ parameters)
        slope = columns.T @ (labels - probabilities) - prior @ (parameters - [0.0, 1.0])
        weights = probabilities * (1.0 - probabilities)
        information = (columns * weights[:, None]).T @ columns + prior
        step = np.linalg.solve(information, slope)
        parameters = parameters + np.clip(step, -2.0, 2.0)
        if np.abs(step).max() < 1e-9:
            break
    covariance: Floats = np.linalg.inv(information).astype(np.float64)
    return Calibration(parameters.astype(np.float64), covariance)


def agreement_p_value(one: Calibration, other: Calibration) -> float:
    """Probability of calibrations at least as different, were they the same (Wald's test, 2 df)."""
    from scipy.stats import chi2

    gap = one.parameters - other.parameters
    squared = float(gap @ np.linalg.solve(one.covariance + other.covariance, gap))
    return float(chi2.sf(squared, df=2))


def logits(scores: Floats) -> Floats:
    """Log odds (n,) of scores (n,), which are cut to 1e-6 and 1 - 1e-6."""
    cut = np.clip(scores, _LOWEST, 1.0 - _LOWEST)
    odds: Floats = np.log(cut / (1.0 - cut))
    return odds


def sigmoid(log_odds: Floats) -> Floats:
    """Probabilities of log odds, of any shape."""
    probabilities: Floats = 1.0 / (1.0 + np.exp(-np.clip(log_odds, -35.0, 35.0)))
    return probabilities
