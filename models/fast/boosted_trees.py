"""The trees of a boosted model of scikit-learn, and how their sum becomes a probability."""

from dataclasses import dataclass
from typing import Any

from models.scoring_model import Matrix, ScoringModel


@dataclass(frozen=True)
class BoostedTrees:
    """The t trees of one binary classifier.

    nodes       one array per tree, as scikit-learn has them
    baseline    where the sum over the trees begins
    calibrator  turns sums into probabilities; None: the logistic function does
    """

    nodes: list[Any]
    baseline: float
    calibrator: Any

    def probabilities(self, sums: Matrix) -> Matrix:
        """Probabilities (n,) of the sums (n,), as the estimator computes them."""
        if self.calibrator is None:
            from scipy.special import expit

            probabilities: Matrix = expit(sums)
            return probabilities
        calibrated: Matrix = self.calibrator.predict(sums)
        # As scikit-learn's calibration does.
        calibrated[(calibrated > 1.0) & (calibrated <= 1.0 + 1e-5)] = 1.0
        return calibrated


def boosted_trees(model: ScoringModel) -> BoostedTrees | None:
    """The trees of `model`; None when it is of another kind.

    Its kind is a binary `HistGradientBoostingClassifier` without categorical splits, alone or as
    the only one inside a sigmoid calibration.
    """
    from sklearn.ensemble import HistGradientBoostingClassifier

    estimator: Any = getattr(model.predictor, "estimator", None)
    calibrated, calibrator = getattr(estimator, "calibrated_classifiers_", None), None
    if calibrated is not None:
        if len(calibrated) != 1 or calibrated[0].method != "sigmoid":
            return None
        estimator, calibrator = calibrated[0].estimator, calibrated[0].calibrators[0]
    # Exactly this type: subclasses may score in another way.
    if type(estimator) is not HistGradientBoostingClassifier or len(estimator.classes_) != 2:
        return None
    nodes = [stage[0].nodes for stage in estimator._predictors]
    if any(node["is_categorical"].any() for node in nodes):
        return None
    return BoostedTrees(nodes, float(estimator._baseline_prediction[0, 0]), calibrator)
