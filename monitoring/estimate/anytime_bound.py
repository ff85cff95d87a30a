"""A lower bound for a running mean of risks that holds at all periods together.

Prediction-powered risk monitoring, arXiv 2602.02229, after Waudby-Smith, Arbour, Sinha, Kennedy
and Ramdas, arXiv 2103.06476: the probability that the running mean of the true risks is ever below
the bound is at most `delta`, asymptotically in the labels of a period.
"""

import math

import numpy as np

from monitoring.cases import Floats


def lower_bounds(risks: Floats, errors: Floats, *, delta: float, target_variance: float) -> Floats:
    """L_t (t,) for risks R_s (t,) with standard errors sigma_s (t,).

    With nu_t = sum of sigma_s² and R̄_t the running mean,
    L_t = R̄_t - sqrt(2 (nu_t ρ² + 1) / (t² ρ²) · log(1 + sqrt(nu_t ρ² + 1) / (2 δ))).
    `target_variance`: the nu which the bound is tightest; it must not depend on these risks.
    """
    if not 0.0 < delta < 0.5 or not target_variance > 0.0:
        raise ValueError(
            f"delta {delta} and target variance {target_variance}: expected a delta between 0 and "
            "0.5 and a positive variance"
        )
    rho_squared = tightest_rho_squared(target_variance, delta=delta)
    counts = np.arange(1, len(risks) + 1, dtype=np.float64)
    means = np.cumsum(risks) / counts
    grown = np.cumsum(errors**2) * rho_squared + 1.0
    radii = np.sqrt(
        2.0 * grown / (counts**2 * rho_squared) * np.log1p(np.sqrt(grown) / (2.0 * delta))
    )
    bounds: Floats = means - radii
    return bounds


def tightest_rho_squared(target_variance: float, *, delta: float) -> float:
    """ρ² = (-2 log 2δ + log(-2 log 2δ + 1)) / nu_target."""
    doubled = -2.0 * math.log(2.0 * delta)
    return (doubled + math.log(doubled + 1.0)) / target_variance


def shared_delta(budget: float, place: int) -> float:
    """The part of a budget for the test number `place` (from 0) of any number: they sum to it.

    budget / ((place + 1) (place + 2)), so that by the union bound all tests of a life together
    raise a false alarm with at most the probability `budget`.
    """
    return budget / ((place + 1) * (place + 2))
