"""AUROC with each case's influence on it, from which its standard error follows."""

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]


def auroc_influences(labels: Floats, scores: Floats) -> tuple[float, Floats]:
    """AUROC of `scores` (n,) against `labels` (n,) of 0 and 1, and the influence of each case (n,).

    The squares of the influences sum to the variance of the AUROC. DeLong, DeLong and
    Clarke-Pearson, "Comparing the areas under two or more correlated receiver operating
    characteristic curves", 1988, by ranks (Sun and Xu 2014). Both classes are needed.
    """
    is_positive = labels == 1.0
    positives = int(is_positive.sum())
    negatives = len(labels) - positives
    # One sort: of cases with the same score, numbered by rising score, how many are of each class.
    _, ties, sizes = np.unique(scores, return_inverse=True, return_counts=True)
    positives_tied = np.bincount(ties, weights=is_positive, minlength=len(sizes))
    negatives_tied = sizes - positives_tied
    # Share of the other class that the case is ranked above (a positive) or below (a negative).
    negatives_below = np.cumsum(negatives_tied) - 0.5 * negatives_tied
    positives_below = np.cumsum(positives_tied) - 0.5 * positives_tied
    components = np.where(
        is_positive,
        negatives_below[ties] / negatives,
        (positives - positives_below[ties]) / positives,
    )
    area = float(components[is_positive].mean())
    influences: Floats = (components - area) / np.where(is_positive, positives, negatives)
    return area, influences
