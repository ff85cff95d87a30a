"""The quick way to a model's scores, where there is one: equal to its own to the bit.

Stream and batch scoring ask here; which trees have which quick form is decided here alone.
"""

import numpy as np
import numpy.typing as npt

from models.fast.boosted_trees import boosted_trees
from models.fast.deep_trees import DeepTrees, deep_trees
from models.fast.small_trees import SmallTrees, small_trees
from models.scoring_model import Matrix, ScoringModel

_CHECKED_ROWS = 512


class ScoresDiffer(RuntimeError):
    """The quick sum gives other scores than the model's own; nothing was written."""

    exit_code = 5


def quick_scores(model: ScoringModel) -> SmallTrees | DeepTrees | None:
    """Quick scores of `model`, as its field `quick` takes them; None when its kind has none."""
    trees = boosted_trees(model)
    if trees is None:
        return None
    quick = small_trees(trees, model.columns) or deep_trees(trees, model.columns)
    rows = _trial_rows(quick.threshold, width=max(int(model.columns.max()) + 1, 1))
    return quick if quick.scores(rows).tobytes() == model.scores(rows).tobytes() else None


def check_quick_scores(
    quick: SmallTrees | DeepTrees, model: ScoringModel, features: Matrix
) -> None:
    """Raise `ScoresDiffer` unless `quick` and `model` score `features` (n, k) alike."""
    ours, models_own = quick.scores(features), model.scores(features)
    if ours.tobytes() != models_own.tobytes():
        worst = float(np.abs(ours - models_own).max())
        raise ScoresDiffer(
            f"the quick sum over the trees of {model.name} version {model.version} differs from "
            f"the model's scores by up to {worst}: is_plain=True scores without it"
        )


def _trial_rows(thresholds: npt.NDArray[np.float64], *, width: int) -> Matrix:
    """Random rows of thresholds, values just above them, and missing values."""
    random = np.random.default_rng(0)
    limits = thresholds[np.isfinite(thresholds)]
    shape = (_CHECKED_ROWS, width)
    rows = random.choice(limits, shape) if len(limits) else random.random(shape)
    rows[random.random(shape) < 0.3] += 1e-3
    rows[random.random(shape) < 0.1] = np.nan
    return rows
