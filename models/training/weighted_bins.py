"""scikit-learn's bins of weighted rows, in one pass per column instead of one per percentile.

Rows have weights against class imbalance. `HistGradientBoostingClassifier` of scikit-learn 1.9.0
and 1.9.1 then sorts each column again for each of 254 percentiles, and that is most of a fit
(`python -m bench.weighted_bins`). Upstream: scikit-learn's issue 34304, fixed by its pull request
34248, which no release has yet. A release that has it is left alone.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache

import numpy as np
import numpy.typing as npt

_REPLACED, _SLOW = "_find_binning_thresholds", "_weighted_percentile"
_LARGEST = 1e300  # the library's; an infinite threshold means "missing" to it

Floats = npt.NDArray[np.float64]


@contextmanager
def quick_weighted_bins() -> Iterator[None]:
    """Within it, boosted trees bin weighted rows quickly; the thresholds are equal to the bit."""
    from sklearn.ensemble._hist_gradient_boosting import binning

    if not hasattr(binning, _REPLACED) or not hasattr(binning, _SLOW):
        yield
        return
    library = _library_thresholds()
    setattr(binning, _REPLACED, _thresholds)
    try:
        yield
    finally:
        setattr(binning, _REPLACED, library)


@cache
def _library_thresholds() -> Callable[..., Floats]:
    """The library's function; first called before it is replaced."""
    from sklearn.ensemble._hist_gradient_boosting import binning

    function: Callable[..., Floats] = getattr(binning, _REPLACED)
    return function


def _thresholds(column: Floats, max_bins: int, sample_weight: Floats | None = None) -> Floats:
    """As the library's: ascending thresholds (t,), t < `max_bins`, of `column` (n,) without NaN."""
    if sample_weight is None:
        return _library_thresholds()(column, max_bins)
    is_counted = ~np.isnan(column) & (sample_weight != 0)
    values, weights = column[is_counted], sample_weight[is_counted]
    if len(np.unique(values)) <= max_bins:
        return _library_thresholds()(column, max_bins, sample_weight=sample_weight)
    order = np.argsort(values)
    ranks = np.linspace(0, 100, num=max_bins + 1)[1:-1]
    percentiles = weighted_percentiles(values[order], weights[order], ranks)
    return np.clip(np.unique(percentiles), a_min=None, a_max=_LARGEST)


def weighted_percentiles(values: Floats, weights: Floats, ranks: Floats) -> Floats:
    """Averaged inverted distribution function at `ranks` (k,), in percent, 0 excluded.

    `values` and their positive `weights` are (n,). Hyndman and Fan, Sample Quantiles in Statistical
    Packages, The American Statistician 50 (1996), definition 2, with weights instead of counts.
    """
    # Equal values may have different weights, and their order rounds the sum: take the library's.
    order = np.argsort(values)
    cumulative = np.cumsum(weights[order])
    targets = ranks / 100 * cumulative[-1]
    last = len(order) - 1
    place = np.clip(np.searchsorted(cumulative, targets), 0, last)
    here, above = values[order[place]], values[order[np.clip(place + 1, 0, last)]]
    is_inside = cumulative[place] - targets > np.finfo(np.float64).eps
    percentiles: Floats = np.where(is_inside, here, (here + above) / 2)
    return percentiles
