"""Two models on the same cases: how far scores moved, and which bands changed."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from models.evaluation.metrics import OneClassOnly, evaluate

MOST_MOVERS = 10

Scores = npt.NDArray[np.float64]
Outcomes = npt.NDArray[np.int64]


@dataclass(frozen=True, kw_only=True)
class NumberChange:
    """A measure by name; None where a side has none. `difference` is new - old."""

    name: str
    old: float | None
    new: float | None
    difference: float | None


@dataclass(frozen=True, kw_only=True)
class Mover:
    """A case and its score and band by the old and the new model."""

    entity: str
    outcome: int
    old_score: float
    new_score: float
    old_band: str
    new_band: str


@dataclass(frozen=True, kw_only=True)
class BandChanges:
    """Decisions about n cases.

    matrix[i][j]     cases that the old model puts in old_bands[i], the new one in new_bands[j]
    flipped          cases whose band has another name
    mean_, largest_score_change   of |new - old|
    movers           the cases whose score moved most, without those that did not move
    """

    old_bands: tuple[str, ...]
    new_bands: tuple[str, ...]
    matrix: tuple[tuple[int, ...], ...]
    cases: int
    flipped: int
    flipped_share: float
    mean_score_change: float
    largest_score_change: float
    movers: tuple[Mover, ...]


@dataclass(frozen=True, kw_only=True)
class Judged:
    """Cases scored by one model: scores (n,) and its bands by name → lowest score."""

    scores: Scores
    thresholds: Mapping[str, float]
    decision_threshold: float

    @property
    def bands(self) -> tuple[str, ...]:
        """Names by rising score."""
        return tuple(sorted(self.thresholds, key=lambda name: self.thresholds[name]))

    @property
    def codes(self) -> npt.NDArray[np.int64]:
        """The position in `bands` of each case; a score that equals a limit lies above it."""
        limits = [self.thresholds[name] for name in self.bands]
        positions = np.searchsorted(limits, self.scores, side="right") - 1
        return np.maximum(positions, 0).astype(np.int64)


def band_changes(
    old: Judged, new: Judged, *, entities: Sequence[str], outcomes: Outcomes
) -> BandChanges:
    """Compare two judgements of the same n cases; n is at least 1."""
    matrix = np.zeros((len(old.bands), len(new.bands)), dtype=np.int64)
    np.add.at(matrix, (old.codes, new.codes), 1)
    old_names, new_names = (np.array(judged.bands)[judged.codes] for judged in (old, new))
    moved = np.abs(new.scores - old.scores)
    flipped = int((old_names != new_names).sum())
    # Stable: equal moves are listed in the order of the cases.
    first = np.argsort(-moved, kind="stable")[:MOST_MOVERS].tolist()
    return BandChanges(
        old_bands=old.bands,
        new_bands=new.bands,
        matrix=tuple(tuple(row) for row in matrix.tolist()),
        cases=len(moved),
        flipped=flipped,
        flipped_share=flipped / len(moved),
        mean_score_change=float(moved.mean()),
        largest_score_change=float(moved.max()),
        movers=tuple(
            Mover(
                entity=entities[case],
                outcome=int(outcomes[case]),
                old_score=float(old.scores[case]),
                new_score=float(new.scores[case]),
                old_band=str(old_names[case]),
                new_band=str(new_names[case]),
            )
            for case in first
            if moved[case] > 0.0
        ),
    )


def metric_changes(old: Mapping[str, float], new: Mapping[str, float]) -> tuple[NumberChange, ...]:
    """Measures of both, in the order of the new ones; those only the old side has come last."""
    names = dict.fromkeys([*new, *old])
    return tuple(_change(name, old.get(name), new.get(name)) for name in names)


def metrics_on_same_cases(old: Judged, new: Judged, outcomes: Outcomes) -> tuple[NumberChange, ...]:
    """Measures of both judgements of the same cases; none where all outcomes are alike."""
    try:
        measured = [
            evaluate(outcomes, judged.scores, threshold=judged.decision_threshold).metrics()
            for judged in (old, new)
        ]
    except OneClassOnly:
        return ()
    return metric_changes(*measured)


def _change(name: str, old: float | None, new: float | None) -> NumberChange:
    difference = None if old is None or new is None else new - old
    return NumberChange(name=name, old=old, new=new, difference=difference)
