"""Means and differences with intervals, where the cases of one entity are not independent.

Each estimate carries its linearisation: what each entity contributes to its error. Sums, products
and ratios of estimates on the same cases keep it, so that what they share cancels out (Binder, "On
the variances of asymptotically normal estimators from complex surveys", 1983; the delta method).
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from monitoring.period_report import Interval

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

LEVEL = 0.95


@dataclass(frozen=True, kw_only=True)
class Estimate:
    """A figure, and what each of m entities adds to its error, float64 (m,)."""

    value: float
    errors: Floats

    @property
    def deviation(self) -> float:
        """The standard error."""
        return float(np.sqrt((self.errors**2).sum()))

    def interval(self, *, level: float = LEVEL) -> Interval:
        """Value and interval by the normal distribution."""
        from scipy.stats import norm

        radius = float(norm.ppf(0.5 + level / 2.0)) * self.deviation
        return Interval(
            value=self.value, low=self.value - radius, high=self.value + radius, level=level
        )

    def minus(self, other: "Estimate") -> "Estimate":
        """The difference of two estimates on the same cases."""
        return Estimate(value=self.value - other.value, errors=self.errors - other.errors)

    def times(self, factor: float) -> "Estimate":
        """A multiple, by a factor that is known."""
        return Estimate(value=self.value * factor, errors=self.errors * factor)

    def plus(self, number: float) -> "Estimate":
        """Shifted by a number that is known."""
        return Estimate(value=self.value + number, errors=self.errors)

    def over(self, other: "Estimate") -> "Estimate":
        """The ratio of two estimates on the same cases; the other one must not be 0."""
        ratio = self.value / other.value
        return Estimate(value=ratio, errors=(self.errors - ratio * other.errors) / other.value)


def weighted_mean(values: Floats, weights: Floats, clusters: Ints) -> Estimate:
    """Σ weight·value / Σ weight of n cases (Hájek's estimator when weights are 1/propensity).

    clusters: number of each case's entity, int64 (n,) from 0. Cases of weight 0 are not part of it.
    Raises `ValueError` when all weights are 0.
    """
    total = float(weights.sum())
    if total <= 0.0:
        raise ValueError(f"a mean of {len(values)} cases whose weights add up to {total}")
    is_part = weights > 0.0
    mean = float((values[is_part] * weights[is_part]).sum() / total)
    parts = np.zeros(len(values))
    parts[is_part] = weights[is_part] * (values[is_part] - mean) / total
    errors = np.bincount(clusters, weights=parts, minlength=int(clusters.max(initial=-1)) + 1)
    count = len(np.unique(clusters[is_part]))
    # With few entities the sum of squares is too small by this factor.
    return Estimate(value=mean, errors=errors * np.sqrt(count / max(count - 1, 1)))
