"""Which model suits the figures of the network: `python -m scenarios.xray.model_choice` compares.

Log loss of scores on the calibration part, each from a model that saw no image of the same child.
"""

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt

from models.training.recipes import TreeParameters, calibrated_trees
from scenarios.xray.images_file import read_xrays, xray_folder
from scenarios.xray.patient_split import child_key, is_in_part
from scenarios.xray.predictors import EMBEDDING, QUALITY
from scenarios.xray.thresholds import network_figures

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

_FOLDS, _SEEDS = 5, 3
_LEAST = 1e-6
PAIR = ("pneumonia", "novelty")


def log_loss_of(
    estimator: Callable[[], Any], features: Floats, outcomes: Ints, children: npt.NDArray[np.str_]
) -> float:
    """Mean log loss of untrained `estimator()` over folds of whole children, three seeds."""
    from sklearn.metrics import log_loss
    from sklearn.model_selection import GroupKFold

    losses = []
    for seed in range(_SEEDS):
        scores = np.empty(len(outcomes))
        folds = GroupKFold(_FOLDS, shuffle=True, random_state=seed)
        for rows, others in folds.split(features, outcomes, children):
            fitted = estimator().fit(features[rows], outcomes[rows])
            scores[others] = fitted.predict_proba(features[others])[:, 1]
        losses.append(log_loss(outcomes, np.clip(scores, _LEAST, 1.0 - _LEAST)))
    return float(np.mean(losses))


def _line(penalty: float) -> Any:
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    return make_pipeline(StandardScaler(), LogisticRegression(C=1.0 / penalty, max_iter=3_000))


def main() -> None:
    """Print the log loss of each choice."""
    from sklearn.metrics import log_loss

    xrays = read_xrays(xray_folder())
    xrays = xrays.rows(is_in_part(xrays.patients, "calibration"))
    figures = list(network_figures(xrays))
    children = np.array([child_key(str(patient)) for patient in xrays.patients])
    outcomes = xrays.has_pneumonia.astype(np.int64)

    def columns(names: tuple[str, ...]) -> Floats:
        return np.array([[row[name] for name in names] for row in figures])

    log_odds = columns(("pneumonia",))[:, 0]
    print(f"{len(outcomes):,} X-rays, {outcomes.mean():.0%} with pneumonia; log loss:")
    print(f"{log_loss(outcomes, 1.0 / (1.0 + np.exp(-log_odds))):.3f}  the network's own score")
    trees = TreeParameters(trees=60, rows_per_leaf=25)
    choices = (
        ("line over pneumonia and novelty", PAIR, partial(_line, 1.0)),
        ("line, quality as well", (*PAIR, *QUALITY), partial(_line, 1.0)),
        ("line, embedding as well", (*PAIR, *QUALITY, *EMBEDDING), partial(_line, 10.0)),
        (
            "calibrated trees over pneumonia and novelty",
            PAIR,
            partial(calibrated_trees, 0, monotonic=[1, 0], parameters=trees),
        ),
    )
    for words, names, estimator in choices:
        loss = log_loss_of(estimator, columns(names), outcomes, children)
        print(f"{loss:.3f}  {words}")


if __name__ == "__main__":
    main()
