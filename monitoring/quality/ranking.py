"""AUROC and average precision of a period with their intervals."""

import math

import numpy as np

from lifecycle.gates import bootstrap
from models.evaluation.auroc import auroc_influences
from monitoring.cases import Floats, Ints
from monitoring.period_report import Interval
from monitoring.quality.clusters import Z_95, cluster_variance


def auroc_interval(labels: Floats, scores: Floats, entities: Ints) -> Interval:
    """AUROC and its 95 % interval, by DeLong's variance on the logit scale; both classes needed.

    DeLong, DeLong and Clarke-Pearson, "Comparing the areas under two or more correlated receiver
    operating characteristic curves", 1988; components of one entity are summed first (Obuchowski,
    "Nonparametric analysis of clustered ROC curve data", 1997). The logit scale leaves the ends
    within 0 and 1 (Pepe, "The statistical evaluation of medical tests", 2003).
    """
    area, influences = auroc_influences(labels, scores)
    deviation = math.sqrt(cluster_variance(influences, entities))
    if not 0.0 < area < 1.0 or math.isnan(deviation):
        return Interval(value=area)
    logit = math.log(area / (1.0 - area))
    radius = Z_95 * deviation / (area * (1.0 - area))
    return Interval(value=area, low=_share(logit - radius), high=_share(logit + radius))


def average_precision_interval(
    labels: Floats, scores: Floats, entities: Ints, *, rounds: int, seed: int
) -> Interval:
    """Average precision and the middle 95 % of `rounds` resamples of the entities."""
    codes = np.unique(entities, return_inverse=True)[1].astype(np.int64)
    rows = bootstrap.Rows(labels.astype(np.int64), codes)
    measured = bootstrap.interval(
        bootstrap.average_precision, rows, scores, rounds=rounds, seed=seed
    )
    return Interval(value=measured.value, low=measured.low, high=measured.high)


def _share(logit: float) -> float:
    return 1.0 / (1.0 + math.exp(-logit))
