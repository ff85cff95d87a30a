"""Expected calibration error of a period with its interval."""

import numpy as np

from models.evaluation.metrics import (
    CALIBRATION_BINS,
    calibration_bins,
    expected_calibration_error,
)
from monitoring.cases import Floats, Ints
from monitoring.period_report import Interval


def calibration_error_interval(
    labels: Floats, scores: Floats, entities: Ints, *, rounds: int, seed: int
) -> Interval:
    """Expected calibration error with its 95 % interval, by the basic bootstrap over entities.

    Noise alone makes the error positive, and resamples add noise again. The basic bootstrap
    mirrors the resamples at the value, which takes that off (Davison and Hinkley, "Bootstrap
    methods and their application", 1997, section 5.2.1).
    """
    value = expected_calibration_error(labels.astype(np.int64), scores)
    codes = np.unique(entities, return_inverse=True)[1].astype(np.int64)
    count = int(codes.max()) + 1
    bins = calibration_bins(scores)
    random = np.random.default_rng(seed)
    resamples = np.empty(rounds)
    for number in range(rounds):
        weights = random.poisson(1.0, count).astype(np.float64)[codes]
        gaps = np.bincount(bins, weights=weights * (scores - labels), minlength=CALIBRATION_BINS)
        resamples[number] = np.abs(gaps).sum() / max(weights.sum(), 1.0)
    low, high = np.quantile(resamples, [0.025, 0.975])
    return Interval(
        value=value,
        low=max(2.0 * value - float(high), 0.0),
        high=max(2.0 * value - float(low), value),
    )
