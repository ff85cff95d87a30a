"""How differently a feature is distributed in two sets of rows."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from batch.explore.value_bins import MISSING, Values, bins_from

# The usual reading of a population stability index: below 0.1 little, above 0.25 a lot.
PSI_SOME, PSI_MUCH = 0.1, 0.25
_QUANTILES = 10
# Added to each bin, so that an empty one gives a large figure and not an infinite one.
_HALF_ROW = 0.5


@dataclass(frozen=True, kw_only=True)
class Distribution:
    """One feature in one set of rows; the mean is None for categories and where all is missing."""

    rows: int
    missing_share: float
    mean: float | None


@dataclass(frozen=True, kw_only=True)
class DistributionChange:
    """One feature in two sets of rows.

    psi  population stability index over the older set's deciles (or the categories), with
         missing values as one more bin: sum of (new - old) * ln(new / old)
    ks   largest distance of the two distribution functions (Kolmogorov and Smirnov), 0 to 1;
         None for categories and where a set has no values
    """

    feature: str
    old: Distribution
    new: Distribution
    psi: float
    ks: float | None

    @property
    def verdict(self) -> str:
        """How much changed by the index: little, some or much."""
        return "much" if self.psi >= PSI_MUCH else "some" if self.psi >= PSI_SOME else "little"


def distribution_change(
    feature: str, old: Values, new: Values, *, names: Sequence[str] | None = None
) -> DistributionChange:
    """Compare `old` (n,) with `new` (m,), NaN for missing; `names` when they are codes."""
    from scipy.stats import ks_2samp

    parts = [values[~np.isnan(values)] for values in (old, new)]
    ks = None
    if names is None and all(len(part) for part in parts):
        ks = float(ks_2samp(*parts, method="asymp").statistic)
    return DistributionChange(
        feature=feature,
        old=_distribution(old, is_number=names is None),
        new=_distribution(new, is_number=names is None),
        psi=_psi(old, new, starts=_starts(*parts, is_number=names is None)),
        ks=ks,
    )


def _distribution(values: Values, *, is_number: bool) -> Distribution:
    present = values[~np.isnan(values)]
    return Distribution(
        rows=len(values),
        missing_share=1.0 - len(present) / len(values) if len(values) else 0.0,
        mean=float(present.mean()) if is_number and len(present) else None,
    )


def _starts(old: Values, new: Values, *, is_number: bool) -> Values:
    """Where the bins start: every value while they are few, then the deciles of `old`."""
    distinct = np.unique(np.concatenate([old, new]))
    if not is_number or len(distinct) <= _QUANTILES or not len(old):
        return distinct
    return np.unique(np.quantile(old, np.arange(_QUANTILES) / _QUANTILES, method="higher"))


def _psi(old: Values, new: Values, *, starts: Values) -> float:
    shares = [_shares(bins_from(values, starts), len(starts)) for values in (old, new)]
    return float(np.sum((shares[1] - shares[0]) * np.log(shares[1] / shares[0])))


def _shares(bins: npt.NDArray[np.int64], count: int) -> Values:
    rows = np.bincount(bins - MISSING, minlength=count + 1) + _HALF_ROW
    shares: Values = rows / rows.sum()
    return shares
