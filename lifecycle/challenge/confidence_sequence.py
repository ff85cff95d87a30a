"""Intervals for a mean that hold at all times together, so that one may look whenever one likes.

Waudby-Smith, Arbour, Sinha, Kennedy and Ramdas (2021), "Time-uniform central limit theory and
asymptotic confidence sequences", arXiv:2103.06476. The probability that the mean is ever outside,
however often one looks, tends to at most alpha as the first look has more values.
"""

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]

ALPHA = 0.05
# Before so many values an asymptotic interval means little.
LEAST_VALUES = 200
_MOST_VALUES = 10**12


@dataclass(frozen=True, kw_only=True)
class Estimate:
    """A mean over `count` values with their standard deviation, and the interval around it."""

    count: int
    mean: float
    deviation: float
    radius: float

    @property
    def low(self) -> float:
        """The lower end."""
        return self.mean - self.radius

    @property
    def high(self) -> float:
        """The upper end."""
        return self.mean + self.radius


def tightest_rho(count: int, *, alpha: float = ALPHA) -> float:
    """The parameter with which intervals are about tightest at `count` values.

    Section 2.2 of the paper, with the approximation of Lambert's W that it gives. It must not
    depend on the data.
    """
    log_alpha = -2.0 * math.log(alpha)
    return math.sqrt((log_alpha + math.log(log_alpha + 1.0)) / count)


def radius(count: int | Floats, *, rho: float, alpha: float = ALPHA) -> Floats:
    """Half the width of the interval at `count` values of variance 1 (theorem 2.2)."""
    grown = np.asarray(count, dtype=np.float64) * rho**2 + 1.0
    width: Floats = np.sqrt(2.0 * grown * np.log(np.sqrt(grown) / alpha)) / (
        np.asarray(count, dtype=np.float64) * rho
    )
    return width


def estimate(values: Floats, *, rho: float, alpha: float = ALPHA) -> Estimate:
    """The mean of `values` (n,) with the interval of the sequence at n; n = 0: all numbers."""
    count = len(values)
    if count < 2:
        mean = float(values.mean()) if count else 0.0
        return Estimate(count=count, mean=mean, deviation=math.nan, radius=math.inf)
    deviation = float(values.std())
    width = deviation * float(radius(count, rho=rho, alpha=alpha))
    return Estimate(count=count, mean=float(values.mean()), deviation=deviation, radius=width)


def arm_differences(values: Floats, in_challenger: Flags, propensity: float) -> Floats:
    """One value per entity whose mean is the challenger arm's mean less the champion arm's.

    values (n,): cost of each entity; propensity: probability of the challenger's arm. Augmented
    inverse-propensity weights with each arm's mean as its regression (section 3 of the paper): the
    variance is that of the difference of two means. Raises `ValueError` when an arm is empty.
    """
    if not in_challenger.any() or in_challenger.all():
        raise ValueError(
            f"one of the two arms is empty: {int(in_challenger.sum())} of {len(values)}"
        )
    challenger_mean = float(values[in_challenger].mean())
    champion_mean = float(values[~in_challenger].mean())
    residuals = np.where(
        in_challenger,
        (values - challenger_mean) / propensity,
        -(values - champion_mean) / (1.0 - propensity),
    )
    differences: Floats = challenger_mean - champion_mean + residuals
    return differences


def values_until(
    effect: float, deviation: float, *, rho: float, alpha: float = ALPHA
) -> int | None:
    """From how many values on an interval around `effect` leaves zero out; None: not in 10^12."""
    if not effect or not deviation > 0.0:
        return None
    low, high = 2, _MOST_VALUES
    wanted = abs(effect) / deviation
    if float(radius(high, rho=rho, alpha=alpha)) > wanted:
        return None
    while low < high:
        middle = (low + high) // 2
        if float(radius(middle, rho=rho, alpha=alpha)) <= wanted:
            high = middle
        else:
            low = middle + 1
    return low
