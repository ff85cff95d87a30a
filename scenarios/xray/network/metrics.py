"""Figures of scored X-rays, each with a 95 % interval by bootstrap over children."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.stats import rankdata

Floats = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]

RECALL = 0.97
COVERAGES = (1.0, 0.9, 0.8, 0.7, 0.6)
_BINS = 10
REPLICATES = 400
_SEED = 1


@dataclass(frozen=True, kw_only=True)
class Scored:
    """n scored X-rays: logits (n,), truths (n,), and the child of each (n,).

    Where the types are not known, as in the official test, `is_bacterial` is None.
    """

    pneumonia: Floats
    bacterial: Floats
    has_pneumonia: Flags
    is_bacterial: Flags | None
    children: npt.NDArray[np.str_]

    def __len__(self) -> int:
        return len(self.pneumonia)

    def rows(self, index: npt.NDArray[np.int64]) -> "Scored":
        """The X-rays at `index`, which may repeat."""
        return Scored(
            pneumonia=self.pneumonia[index],
            bacterial=self.bacterial[index],
            has_pneumonia=self.has_pneumonia[index],
            is_bacterial=None if self.is_bacterial is None else self.is_bacterial[index],
            children=self.children[index],
        )


@dataclass(frozen=True, kw_only=True)
class Figure:
    """A value with the 2.5 % and 97.5 % quantiles of its bootstrap replicates."""

    value: float
    low: float
    high: float

    def __str__(self) -> str:
        return f"{self.value:.3f} ({self.low:.3f} to {self.high:.3f})"


def threshold_at_recall(scored: Scored, recall: float = RECALL) -> float:
    """The highest logit at which at least `recall` of the pneumonias are at or above it."""
    logits = np.sort(scored.pneumonia[scored.has_pneumonia])[::-1]
    return float(logits[int(np.ceil(recall * len(logits) - 1e-9)) - 1])


def expected_calibration_error(logits: Floats, is_positive: Flags) -> float:
    """Mean |share of positives - mean probability| over 10 equal bins (Guo et al. 2017)."""
    probabilities = 1 / (1 + np.exp(-logits))
    bins = np.minimum((probabilities * _BINS).astype(np.int64), _BINS - 1)
    sums = np.bincount(bins, weights=is_positive - probabilities, minlength=_BINS)
    return float(np.abs(sums).sum() / len(logits))


def auroc(is_positive: Flags, scores: Floats) -> float:
    """The share of pairs that are in order, ties half (Mann-Whitney); NaN without both classes.

    As scikit-learn's, 10 times faster: a table needs tens of thousands.
    """
    positives = int(is_positive.sum())
    pairs = positives * (len(scores) - positives)
    if pairs == 0:
        return float("nan")
    ranks = float(rankdata(scores)[is_positive].sum())
    return (ranks - positives * (positives + 1) / 2) / pairs


def values_of(scored: Scored, *, threshold: float) -> dict[str, float]:
    """Every figure by name; those of the bacterial logit are among X-rays with pneumonia."""
    ill, logits = scored.has_pneumonia, scored.pneumonia
    values = {
        "pneumonia_auroc": auroc(ill, logits),
        "specificity": float((logits[~ill] < threshold).mean()),
        "recall": float((logits[ill] >= threshold).mean()),
        "pneumonia_ece": expected_calibration_error(logits, ill),
    }
    if scored.is_bacterial is not None:
        bacterial, truths = scored.bacterial[ill], scored.is_bacterial[ill]
        values["bacterial_ece"] = expected_calibration_error(bacterial, truths)
        surest = np.argsort(-np.abs(bacterial), kind="stable")
        for coverage in COVERAGES:
            rows = surest[: round(coverage * len(surest))]
            name = f"at_{coverage * 100:.0f}"
            values[f"bacterial_auroc_{name}"] = auroc(truths[rows], bacterial[rows])
            values[f"bacterial_accuracy_{name}"] = float(
                ((bacterial[rows] > 0) == truths[rows]).mean()
            )
    return values


def figures(
    scored: Scored, *, threshold: float, replicates: int = REPLICATES, seed: int = _SEED
) -> Mapping[str, Figure]:
    """`values_of` with intervals: children are drawn with replacement, with all their X-rays."""
    generator = np.random.default_rng(seed)
    _, places = np.unique(scored.children, return_inverse=True)
    order = np.argsort(places, kind="stable")
    by_child = np.split(order, np.cumsum(np.bincount(places))[:-1])
    draws = [
        values_of(
            scored.rows(
                np.concatenate(
                    [
                        by_child[child]
                        for child in generator.integers(len(by_child), size=len(by_child))
                    ]
                )
            ),
            threshold=threshold,
        )
        for _ in range(replicates)
    ]
    quantiles = {
        name: np.nanquantile([draw[name] for draw in draws], [0.025, 0.975]) for name in draws[0]
    }
    return {
        name: Figure(value=value, low=float(quantiles[name][0]), high=float(quantiles[name][1]))
        for name, value in values_of(scored, threshold=threshold).items()
    }
