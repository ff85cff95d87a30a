"""Scores of boosted trees of any depth, equal to scikit-learn's to the bit, three times as fast.

With 50 trees of 31 leaves a row's score costs 0.7 µs; scikit-learn takes 2.4 to 2.9.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from models.fast.deep_tree_kernel import add_leaves
from models.scoring_model import Matrix, ScoringModel

_CHECKED_ROWS = 512


@dataclass(frozen=True)
class DeepTrees:
    """The t trees of one model version as arrays; see `models/fast/deep_tree_kernel.py`.

    `calibrator` turns sums into probabilities as the estimator does.
    """

    calibrator: Any
    baseline: float
    roots: npt.NDArray[np.uint32]
    depths: npt.NDArray[np.int64]
    feature: npt.NDArray[np.uint32]
    threshold: npt.NDArray[np.float64]
    missing_left: npt.NDArray[np.bool_]
    children: npt.NDArray[np.uint32]
    values: npt.NDArray[np.float64]

    def scores(self, features: Matrix) -> Matrix:
        """What `ScoringModel.scores` gives for `features` (n, k), to the bit."""
        rows = np.ascontiguousarray(features, dtype=np.float64)
        sums = np.full(len(rows), self.baseline)
        add_leaves(
            rows,
            self.roots,
            self.depths,
            self.feature,
            self.threshold,
            self.missing_left,
            self.children,
            self.values,
            sums,
        )
        return _probabilities(sums, self.calibrator)


def deep_trees(model: ScoringModel) -> DeepTrees | None:
    """The trees of `model` for quick scoring; None when its estimator is of another kind.

    Its kind is a binary `HistGradientBoostingClassifier` without categorical splits, alone or as
    the only one inside a sigmoid calibration.
    """
    trees, calibrator = _binary_trees(model.estimator)
    if trees is None:
        return None
    nodes = [stage[0].nodes for stage in trees._predictors]
    if any(node["is_categorical"].any() for node in nodes):
        return None
    quick = _arrays(nodes, model.columns, calibrator, float(trees._baseline_prediction[0, 0]))
    return quick if _agree(quick, model) else None


def _arrays(nodes: Any, columns: Any, calibrator: Any, baseline: float) -> DeepTrees:
    roots = np.cumsum([0, *map(len, nodes)])[:-1]
    all_nodes = np.concatenate(nodes)
    positions = np.arange(len(all_nodes))
    first = np.repeat(roots, [len(node) for node in nodes])
    is_leaf = all_nodes["is_leaf"].astype(np.bool_)
    children = np.column_stack([all_nodes["left"], all_nodes["right"]]).astype(np.int64)
    children += first[:, None]
    children[is_leaf] = positions[is_leaf][:, None]
    feature = columns[np.where(is_leaf, 0, all_nodes["feature_idx"])]
    return DeepTrees(
        calibrator=calibrator,
        baseline=baseline,
        roots=roots.astype(np.uint32),
        depths=np.array([node["depth"].max() for node in nodes], dtype=np.int64),
        feature=feature.astype(np.uint32),
        threshold=np.ascontiguousarray(all_nodes["num_threshold"]),
        missing_left=all_nodes["missing_go_to_left"].astype(np.bool_),
        children=children.reshape(-1).astype(np.uint32),
        values=np.ascontiguousarray(all_nodes["value"]),
    )


def _agree(quick: DeepTrees, model: ScoringModel) -> bool:
    """Whether both ways score random rows, thresholds and missing values alike."""
    random = np.random.default_rng(0)
    width = max(int(model.columns.max()) + 1, 1)
    limits = quick.threshold[np.isfinite(quick.threshold)]
    features = (
        random.choice(limits, (_CHECKED_ROWS, width))
        if len(limits)
        else random.random((_CHECKED_ROWS, width))
    )
    features[random.random(features.shape) < 0.3] += 1e-3
    features[random.random(features.shape) < 0.1] = np.nan
    return quick.scores(features).tobytes() == model.scores(features).tobytes()


def _probabilities(sums: Matrix, calibrator: Any) -> Matrix:
    if calibrator is None:
        from scipy.special import expit

        probabilities: Matrix = expit(sums)
        return probabilities
    scores: Matrix = calibrator.predict(sums)
    scores[(scores > 1.0) & (scores <= 1.0 + 1e-5)] = 1.0  # as scikit-learn's calibration does
    return scores


def _binary_trees(estimator: Any) -> tuple[Any, Any]:
    """The trees of `estimator` and what calibrates them, if anything; None: of another kind."""
    from sklearn.ensemble import HistGradientBoostingClassifier

    calibrated: Any = getattr(estimator, "calibrated_classifiers_", None)
    calibrator = None
    if calibrated is not None:
        if len(calibrated) != 1 or calibrated[0].method != "sigmoid":
            return None, None
        estimator, calibrator = calibrated[0].estimator, calibrated[0].calibrators[0]
    # Exactly this type: subclasses may score in another way.
    if type(estimator) is not HistGradientBoostingClassifier or len(estimator.classes_) != 2:
        return None, None
    return estimator, calibrator
