"""Intervals of means and shares whose cases come in clusters: several of one entity."""

import math

import numpy as np

from monitoring.cases import Flags, Floats, Ints
from monitoring.period_report import Interval

Z_95 = 1.959963984540054


def cluster_variance(influences: Floats, entities: Ints) -> float:
    """Variance of a sum of n influences (n,), summed within each entity first.

    Liang and Zeger, "Longitudinal data analysis using generalized linear models", 1986; with the
    factor G / (G - 1) for G entities. NaN for less than two entities.
    """
    codes = np.unique(entities, return_inverse=True)[1]
    sums = np.bincount(codes, weights=influences)
    count = len(sums)
    return float((sums**2).sum()) * count / (count - 1) if count > 1 else math.nan


def mean_interval(values: Floats, entities: Ints) -> Interval:
    """The mean of `values` (n,) and its 95 % interval by the normal distribution; n >= 1."""
    mean = float(values.mean())
    variance = cluster_variance((values - mean) / len(values), entities)
    if math.isnan(variance):
        return Interval(value=mean)
    radius = Z_95 * math.sqrt(variance)
    return Interval(value=mean, low=mean - radius, high=mean + radius)


def share_interval(successes: Flags, entities: Ints) -> Interval:
    """The share of `successes` (n,), n >= 1, with Wilson's interval at the effective number.

    Wilson, "Probable inference", 1927. Of cases in clusters fewer count: n over the design effect
    (Korn and Graubard, "Confidence intervals for proportions with small expected number of
    positive counts", 1998).
    """
    values = successes.astype(np.float64)
    share = float(values.mean())
    count = float(len(values))
    simple = share * (1.0 - share) / count
    if simple > 0.0:
        variance = cluster_variance((values - share) / count, entities)
        effect = variance / simple * (count - 1.0) / count  # 1 with one case of each entity
        count /= max(1.0 if math.isnan(effect) else effect, 1.0)
    low, high = wilson(share, count)
    return Interval(value=share, low=low, high=high)


def wilson(share: float, count: float) -> tuple[float, float]:
    """The ends of Wilson's 95 % interval of a share of `count` independent cases."""
    squared = Z_95**2
    middle = (share + squared / (2.0 * count)) / (1.0 + squared / count)
    radius = (
        Z_95
        * math.sqrt(share * (1.0 - share) / count + squared / (4.0 * count**2))
        / (1.0 + squared / count)
    )
    return max(middle - radius, 0.0), min(middle + radius, 1.0)
