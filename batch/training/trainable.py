"""Whether a training set can teach anything, and whether a model has learnt anything from it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from batch.training_sets.training_set import NothingToTrain, TrainingSet

# Of each outcome in the held-out part: with fewer a measure says nothing.
HELD_OUT_PER_CLASS = 5
# One-sided 5 %: of models that know nothing one in twenty is taken for better than chance.
_Z = 1.645


@dataclass(frozen=True, kw_only=True)
class TrainingMinimum:
    """Fewest rows of the training part, and of each outcome in it."""

    rows: int
    rows_per_class: int


def check_trainable(
    training_set: TrainingSet, names: Sequence[str], minimum: TrainingMinimum, *, scenario: str
) -> None:
    """Raise `NothingToTrain` with the counts when there is too little to learn from.

    That is: no rows, too few of them, too few of an outcome in either part, no column that varies.
    """
    counts = training_set.counts
    rows = counts["train_rows"]
    problems = []
    if rows + counts["test_rows"] == 0:
        problems.append("the snapshot has no rows")
    else:
        if rows < minimum.rows:
            problems.append(f"{rows:,} training rows, needed are {minimum.rows:,}")
        for part, least in (("train", minimum.rows_per_class), ("test", HELD_OUT_PER_CLASS)):
            positives = counts[f"{part}_positives"]
            negatives = counts[f"{part}_rows"] - positives
            if min(positives, negatives) < least:
                problems.append(
                    f"the {part} part has {positives:,} positive and {negatives:,} negative "
                    f"outcomes, needed are {least} of each"
                )
        useless = useless_columns(training_set.features[~training_set.is_test], names)
        if len(useless) == len(names):
            problems.append("no column varies")
    if problems:
        raise NothingToTrain(
            f"too little to train on: {'; '.join(problems)} (read: {dict(counts)}). Publish more "
            f"events and labels, then archive_stream --scenario {scenario} --once and "
            f"build_training_set --scenario {scenario}; or lower training.minimum_rows and "
            "training.minimum_rows_per_class"
        )


def useless_columns(features: npt.NDArray[np.float64], names: Sequence[str]) -> Mapping[str, str]:
    """Columns of `features` (n, k) that never vary → "empty" or "always VALUE"."""
    reasons = {}
    for name, column in zip(names, features.T, strict=True):
        present = column[~np.isnan(column)]
        if not len(present):
            reasons[name] = "empty"
        elif len(present) == len(column) and (present == present[0]).all():
            reasons[name] = f"always {present[0]:g}"
    return reasons


def warning_of(useless: Mapping[str, str], *, columns: int) -> str:
    """One line for people; empty when every column varies."""
    if not useless:
        return ""
    listing = ", ".join(f"{name} ({why})" for name, why in useless.items())
    return f"warning: {len(useless)} of {columns} columns teach nothing: {listing}"


def chance_of(*, auroc: float, counts: Mapping[str, int], cv_auroc: float) -> str | None:
    """Why a model may know nothing, as a sentence; None when it ranks better than chance.

    Better is an AUROC above 0.5 by more than the noise that labels without any connection to the
    scores would give (the standard error of Mann and Whitney's statistic), on the held-out part or
    in cross-validation on the training part.
    """
    measured = {"held-out": (auroc, "test"), "training": (cv_auroc, "train")}
    sentences = []
    for part, (value, prefix) in measured.items():
        positives = counts[f"{prefix}_positives"]
        negatives = counts[f"{prefix}_rows"] - positives
        bound = 0.5 + _Z * _null_error(positives, negatives)
        if value > bound:
            return None
        sentences.append(
            f"AUROC {value:.3f} on {positives:,} positive and {negatives:,} negative {part} rows, "
            f"chance reaches {bound:.3f}"
        )
    return "; ".join(sentences)


def _null_error(positives: int, negatives: int) -> float:
    """Standard error of the AUROC of scores without any connection to the outcomes."""
    if not positives or not negatives:
        return 1.0
    return float(np.sqrt((positives + negatives + 1) / (12.0 * positives * negatives)))
