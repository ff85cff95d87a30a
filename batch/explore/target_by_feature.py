"""How often the outcome is positive per value of a feature, most informative features first."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from batch.explore.value_bins import MISSING, binned

# 95% of a normal distribution lies within so many standard deviations.
_Z = 1.959964


@dataclass(frozen=True, kw_only=True)
class BinOutcomes:
    """Outcomes of the rows whose value lies in one bin."""

    words: str
    rows: int
    positives: int

    @property
    def share(self) -> float:
        """Share of positives, 0 to 1."""
        return self.positives / self.rows

    @property
    def interval(self) -> tuple[float, float]:
        """95% confidence interval of the share (Wilson, 1927)."""
        n, p = self.rows, self.share
        middle = (p + _Z**2 / (2 * n)) / (1 + _Z**2 / n)
        half = _Z / (1 + _Z**2 / n) * math.sqrt(p * (1 - p) / n + _Z**2 / (4 * n**2))
        return max(0.0, middle - half), min(1.0, middle + half)


@dataclass(frozen=True, kw_only=True)
class TargetByFeature:
    """One feature's bins; `told_share` of the outcome's entropy is known with the bin (Theil's U).

    0: the feature alone says nothing about the outcome; 1: it determines it.
    """

    feature: str
    told_share: float
    bins: tuple[BinOutcomes, ...]


def target_by_feature(
    frame: pd.DataFrame,
    outcomes: npt.NDArray[np.int64],
    *,
    names: Mapping[str, Sequence[str]],
) -> list[TargetByFeature]:
    """For each column of `frame` (r rows), most informative first; `outcomes` (r,) of 0 and 1.

    names: column → category names by code; the other columns are numbers, cut at their quantiles.
    Missing values are a bin of their own.
    """
    targets = [
        _target(str(column), frame[column].to_numpy(dtype=np.float64), outcomes, names.get(column))
        for column in frame.columns
    ]
    return sorted(targets, key=lambda target: -target.told_share)


def _target(
    feature: str,
    values: npt.NDArray[np.float64],
    outcomes: npt.NDArray[np.int64],
    names: Sequence[str] | None,
) -> TargetByFeature:
    from sklearn.metrics import mutual_info_score

    bins, words = binned(values, names=names)
    share = float(outcomes.mean())
    entropy = -sum(p * math.log(p) for p in (share, 1 - share) if p > 0)
    information = float(mutual_info_score(bins, outcomes))
    return TargetByFeature(
        feature=feature,
        told_share=max(0.0, information / entropy) if entropy else 0.0,
        bins=tuple(
            BinOutcomes(
                words=words[code],
                rows=int((bins == code).sum()),
                positives=int(outcomes[bins == code].sum()),
            )
            for code in sorted(set(bins.tolist()), key=lambda code: (code == MISSING, code))
        ),
    )
