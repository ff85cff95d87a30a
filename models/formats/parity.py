"""Whether two ways to score give the same scores, within a stated tolerance."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from models.errors import ModelUnusable


class ScoresNotEqual(ModelUnusable):
    """A model in one format does not score as it does in the other."""


@dataclass(frozen=True, kw_only=True)
class ScoreParity:
    """The comparison of n scores; `rows_beyond` of them differ by more than `tolerance`.

    A score that is missing on one side only counts as a difference of 1.
    """

    rows: int
    largest_difference: float
    rows_beyond: int
    tolerance: float

    @property
    def holds(self) -> bool:
        """Whether there were rows, and none of them is beyond the tolerance."""
        return self.rows > 0 and self.rows_beyond == 0

    @property
    def sentence(self) -> str:
        """The figures in words."""
        return (
            f"{self.rows} rows, largest difference {self.largest_difference:.2g}, "
            f"{self.rows_beyond} beyond {self.tolerance:g}"
        )


def score_parity(
    reference: npt.NDArray[np.float64], scores: npt.NDArray[np.float64], tolerance: float
) -> ScoreParity:
    """`scores` (n,) beside `reference` (n,).

    Raises `ValueError` when there is not one score per reference.
    """
    if reference.shape != scores.shape:
        raise ValueError(f"{scores.shape} scores for {reference.shape} references")
    is_missing = ~np.isfinite(reference), ~np.isfinite(scores)
    difference = np.abs(
        np.where(is_missing[0], 0.0, reference) - np.where(is_missing[1], 0, scores)
    )
    difference[is_missing[0] != is_missing[1]] = 1.0
    difference[is_missing[0] & is_missing[1]] = 0.0
    return ScoreParity(
        rows=len(reference),
        largest_difference=float(difference.max(initial=0.0)),
        rows_beyond=int((difference > tolerance).sum()),
        tolerance=tolerance,
    )


def check_parity(parity: ScoreParity, *, what: str) -> None:
    """Raise `ScoresNotEqual` unless `parity` holds; `what` names the two ways."""
    if not parity.holds:
        raise ScoresNotEqual(f"{what} score differently: {parity.sentence}")
