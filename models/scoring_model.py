"""A trained model as the scoring pass uses it: scores, and each feature's share in a score."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from models.card import ModelCard
from models.errors import ModelNeedsFeatures

Matrix = npt.NDArray[np.float64]


class QuickScores(Protocol):
    """Another way to a model's scores."""

    def scores(self, features: Matrix) -> Matrix:
        """The scores (n,) that the model's own estimator gives for `features` (n, k)."""
        ...


@dataclass(frozen=True)
class ScoringModel:
    """A loaded model version. Both methods take the scenario's full feature matrix.

    `columns` int64 (m,) picks the model's own columns, in its order, from the scenario's k.
    `quick` scores in the estimator's place, equal to the bit.
    """

    name: str
    version: str
    card: ModelCard
    estimator: Any
    explainer: Any
    columns: npt.NDArray[np.int64]
    quick: QuickScores | None = None

    def scores(self, features: Matrix) -> Matrix:
        """Probabilities (n,) in [0, 1] of `features` (n, k); NaN features are missing values.

        A row's score does not depend on the other rows.
        """
        if not len(features):
            return np.empty(0)
        if self.quick is not None:
            return self.quick.scores(features)
        scores: Matrix = self.estimator.predict_proba(features[:, self.columns])[:, 1]
        return scores

    def contributions(self, features: Matrix) -> Matrix:
        """How much each feature moved each score, (n, k): SHAP values in log-odds of the trees.

        Positive raises the score; a feature that the model does not use has 0. Lundberg et al.,
        "From local explanations to global understanding with explainable AI for trees" (2020).
        """
        shares = np.zeros_like(features)
        if len(features):
            shares[:, self.columns] = self.explainer.shap_values(features[:, self.columns])
        return shares


def scoring_model(
    estimator: Any,
    *,
    name: str,
    version: str,
    card: ModelCard,
    available_features: Sequence[str],
) -> ScoringModel:
    """`estimator`, ready to score matrices with the columns `available_features`.

    Raises `ModelNeedsFeatures` naming the columns that are missing.
    """
    position = {feature_name: column for column, feature_name in enumerate(available_features)}
    missing = [feature_name for feature_name in card.feature_names if feature_name not in position]
    if missing:
        raise ModelNeedsFeatures(
            f"model {name} version {version} needs the features {missing}, "
            f"which the scenario does not have; it has {list(available_features)}"
        )
    columns = np.array(
        [position[feature_name] for feature_name in card.feature_names], dtype=np.int64
    )
    return ScoringModel(
        name=name,
        version=version,
        card=card,
        estimator=estimator,
        explainer=tree_explainer(estimator),
        columns=columns,
    )


def tree_explainer(estimator: Any) -> Any:
    """SHAP for the trees of `estimator`: itself, or the one inside its calibration.

    The calibration is one rising curve over the trees' log-odds, so it changes no order or sign.
    """
    import shap  # 1 s, and only loaded models need it

    calibrated = getattr(estimator, "calibrated_classifiers_", None)
    return shap.TreeExplainer(calibrated[0].estimator if calibrated else estimator)
