"""Whether the other version ranks one part of the cases worse than the floor allows.

The interval of each slice's AUROC holds at all looks together, as in `confidence_sequence`: AUROC
is asymptotically a mean of one value per case (DeLong, DeLong and Clarke-Pearson 1988), so its
standard error times the root of the number of cases is the deviation of such a value.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import msgspec

from lifecycle.challenge.cases import Pairs
from lifecycle.challenge.confidence_sequence import (
    ALPHA,
    LEAST_VALUES,
    Flags,
    Floats,
    radius,
    tightest_rho,
)
from lifecycle.gates.gate import Bounds
from lifecycle.gates.quality import slices_of
from models.evaluation.auroc import auroc_influences


class SliceResult(msgspec.Struct, frozen=True, kw_only=True):
    """The other version's AUROC in one slice; `None`: too few labels to say.

    slice_name       FEATURE and the words for its values
    is_below_floor   even the upper end of the interval is lower than the floor
    """

    slice_name: str
    labels: int
    positives: int
    auroc: float | None
    low: float | None
    high: float | None
    floor: float
    is_below_floor: bool


@dataclass(frozen=True)
class _Slice:
    name: str
    rows: Flags


def slice_results(pairs: Pairs, bounds: Bounds, *, tightest_at: int) -> list[SliceResult]:
    """A result per declared slice of the cases that both versions scored.

    The probability that any slice is ever called below the floor though it is not tends to at most
    `ALPHA`, which the slices share.
    """
    declared = [
        _Slice(f"{feature} {words}", rows)
        for feature, values in pairs.slice_features.items()
        for words, rows in slices_of(values, bounds.slices[feature])
    ]
    rho = tightest_rho(tightest_at)
    alpha = ALPHA / max(len(declared), 1)
    return [_result(part, pairs, bounds, rho=rho, alpha=alpha) for part in declared]


def _result(part: _Slice, pairs: Pairs, bounds: Bounds, *, rho: float, alpha: float) -> SliceResult:
    labels, scores = pairs.labels[part.rows], pairs.other[part.rows]
    positives = int(labels.sum())
    area = low = high = None
    needed = max(LEAST_VALUES, bounds.slice_minimum_rows)
    fewest = min(positives, len(labels) - positives)
    if len(labels) >= needed and fewest >= max(bounds.slice_minimum_per_class, 2):
        area, error = auroc_with_error(labels, scores)
        width = error * math.sqrt(len(labels)) * float(radius(len(labels), rho=rho, alpha=alpha))
        low, high = max(area - width, 0.0), min(area + width, 1.0)
    floor = bounds.slice_minimum_auroc
    return SliceResult(
        slice_name=part.name,
        labels=len(labels),
        positives=positives,
        auroc=area,
        low=low,
        high=high,
        floor=floor,
        is_below_floor=high is not None and high < floor,
    )


def auroc_with_error(labels: Floats, scores: Floats) -> tuple[float, float]:
    """AUROC of `scores` (n,) against `labels` (n,) of 0 and 1, and its standard error.

    Each class needs two cases; its variance is that of a sample.
    """
    area, influences = auroc_influences(labels, scores)
    variance = 0.0
    for of_class in (labels == 1.0, labels != 1.0):
        count = int(of_class.sum())
        variance += float((influences[of_class] ** 2).sum()) * count / (count - 1)
    return area, math.sqrt(variance)


def below_floor(results: Sequence[SliceResult]) -> list[SliceResult]:
    """The slices in which the other version is known to be too bad."""
    return [result for result in results if result.is_below_floor]
