"""Intervals of AUROC and average precision by the bootstrap, for one model or two on equal rows.

Each resample weights every entity by a Poisson(1) count (Chamandy, Muralidharan, Najmi, Naidu,
"Estimating uncertainty for massive data streams", 2012), which needs no sorting per resample.
Rows of one entity get one weight: they are not independent.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

# Weights of one block of resamples, at most: 32 MiB.
_BLOCK_NUMBERS = 4_194_304

Measure = Callable[[Ints, Floats, Floats], Floats]


@dataclass(frozen=True)
class Interval:
    """A measure on the rows themselves, and the middle 95 % of its resamples."""

    value: float
    low: float
    high: float

    def __str__(self) -> str:
        return f"{self.value:.3f} ({self.low:.3f} to {self.high:.3f})"


@dataclass(frozen=True)
class Rows:
    """What is resampled: outcomes int64 (n,) of 0 and 1, entities int64 (n,) codes from 0."""

    outcomes: Ints
    entities: Ints


def auroc(outcomes: Ints, scores: Floats, weights: Floats) -> Floats:
    """Weighted AUROC (b,) for weights (b, n): ties count half; NaN without both outcomes."""
    positive, negative = _by_score(outcomes, scores, weights)
    below = np.cumsum(negative, axis=1) - negative
    with np.errstate(invalid="ignore"):
        area: Floats = (positive * (below + 0.5 * negative)).sum(axis=1) / (
            positive.sum(axis=1) * negative.sum(axis=1)
        )
    return area


def average_precision(outcomes: Ints, scores: Floats, weights: Floats) -> Floats:
    """Weighted average precision (b,) for weights (b, n), as scikit-learn defines it."""
    positive, negative = (part[:, ::-1] for part in _by_score(outcomes, scores, weights))
    found_positive = np.cumsum(positive, axis=1)
    flagged = found_positive + np.cumsum(negative, axis=1)
    with np.errstate(invalid="ignore", divide="ignore"):
        precision = np.where(flagged > 0, found_positive / flagged, 0.0)
        mean: Floats = (positive * precision).sum(axis=1) / positive.sum(axis=1)
    return mean


def interval(measure: Measure, rows: Rows, scores: Floats, *, rounds: int, seed: int) -> Interval:
    """The measure of `scores` (n,) with its interval."""
    values = [measure(rows.outcomes, scores, w) for w in _weights(rows, rounds=rounds, seed=seed)]
    return _interval(_whole(measure, rows, scores), np.concatenate(values))


def difference(
    measure: Measure, rows: Rows, old: Floats, new: Floats, *, rounds: int, seed: int
) -> Interval:
    """new - old on the same rows: both are resampled together, so what they share cancels out."""
    values = [
        measure(rows.outcomes, new, weights) - measure(rows.outcomes, old, weights)
        for weights in _weights(rows, rounds=rounds, seed=seed)
    ]
    whole = _whole(measure, rows, new) - _whole(measure, rows, old)
    return _interval(whole, np.concatenate(values))


def entity_codes(entities: list[str]) -> Ints:
    """A code from 0 for each entity, (n,)."""
    codes: Ints = np.unique(np.array(entities, dtype=np.str_), return_inverse=True)[1]
    return codes.astype(np.int64)


def _whole(measure: Measure, rows: Rows, scores: Floats) -> float:
    return float(measure(rows.outcomes, scores, np.ones((1, len(scores))))[0])


def _interval(value: float, resampled: Floats) -> Interval:
    # A resample may lack one of the outcomes.
    usable = resampled[~np.isnan(resampled)]
    if not len(usable):
        return Interval(value, float("-inf"), float("inf"))
    low, high = np.quantile(usable, [0.025, 0.975])
    return Interval(value, float(low), float(high))


def _weights(rows: Rows, *, rounds: int, seed: int) -> Iterator[Floats]:
    """Weights (b, n), in blocks that fit into memory, `rounds` in all."""
    random = np.random.default_rng(seed)
    entities = int(rows.entities.max(initial=-1)) + 1
    block = max(1, _BLOCK_NUMBERS // max(len(rows.outcomes), 1))
    for start in range(0, rounds, block):
        count = min(block, rounds - start)
        yield random.poisson(1.0, (count, entities)).astype(np.float64)[:, rows.entities]


def _by_score(outcomes: Ints, scores: Floats, weights: Floats) -> tuple[Floats, Floats]:
    """Weights of positives and negatives (b, u) at each of the u different scores, rising."""
    order = np.argsort(scores, kind="stable")
    starts = np.flatnonzero(np.diff(scores[order], prepend=-np.inf) > 0)
    is_positive = (outcomes == 1)[order]
    ordered = weights[:, order]
    positive: Floats = np.add.reduceat(ordered * is_positive, starts, axis=1)
    negative: Floats = np.add.reduceat(ordered * ~is_positive, starts, axis=1)
    return positive, negative
