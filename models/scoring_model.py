"""A trained model as the scoring pass uses it: scores, and each feature's share in a score.

Nothing here knows of a library: what scores and what explains comes from the version's format
(models/formats), and a version without an explainer is scored and served without reasons.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt

from models.card import ModelCard
from models.errors import ModelNeedsFeatures

Matrix = npt.NDArray[np.float64]

# Libraries of linear algebra take other instructions for the last rows of a matrix, which differ in
# the last bit: no row is among them when there is always a multiple of so many.
BLOCK_ROWS = 64


class Predictor(Protocol):
    """What scores: a loaded model of any library."""

    def scores(self, features: Matrix) -> Matrix:
        """Probabilities (n,) in [0, 1] of `features` (n, m), in the order of the model's columns.

        NaN features are missing values. n is a multiple of `BLOCK_ROWS`: then a row's score does
        not depend on the other rows.
        """
        ...


class Explainer(Protocol):
    """What says how a score came about."""

    def contributions(self, features: Matrix) -> Matrix:
        """How much each of the model's m features moved each of n scores, (n, m).

        Positive raises the score. Additive contributions, such as SHAP values in log-odds.
        """
        ...


class QuickScores(Protocol):
    """A quicker way to the scores of a `ScoringModel`, equal to the bit."""

    def scores(self, features: Matrix) -> Matrix:
        """The scores (n,) of the scenario's full feature matrix (n, k)."""
        ...


@dataclass(frozen=True)
class ScoringModel:
    """A loaded model version. Both methods take the scenario's full feature matrix.

    explainer  None: the format gives no reasons
    columns    int64 (m,), picks the model's own columns, in its order, from the scenario's k
    quick      scores in the predictor's place, to the bit as it does
    batch_only why the stream cannot score with it, as a clause; empty where it can
    """

    name: str
    version: str
    card: ModelCard
    predictor: Predictor
    explainer: Explainer | None
    columns: npt.NDArray[np.int64]
    quick: QuickScores | None = None
    batch_only: str = ""

    def scores(self, features: Matrix) -> Matrix:
        """Probabilities (n,) in [0, 1] of `features` (n, k); NaN features are missing values.

        A row's score does not depend on the other rows.
        """
        if not len(features):
            return np.empty(0)
        if self.quick is not None:
            return self.quick.scores(features)
        return _in_whole_blocks(self.predictor, features, self.columns)

    def contributions(self, features: Matrix) -> Matrix | None:
        """How much each feature moved each score, (n, k); None when the version has no explainer.

        Positive raises the score; a feature that the model does not use has 0.
        """
        if self.explainer is None:
            return None
        shares = np.zeros_like(features)
        if len(features):
            shares[:, self.columns] = self.explainer.contributions(features[:, self.columns])
        return shares


def _in_whole_blocks(
    predictor: Predictor, features: Matrix, columns: npt.NDArray[np.int64]
) -> Matrix:
    """The scores (n,) of these columns, computed with rows added up to a whole block.

    So a row gets the same bits in any batch: a replay with other batches must publish the same.
    """
    count = len(features)
    rows = np.empty((-(-count // BLOCK_ROWS) * BLOCK_ROWS, len(columns)))
    np.take(features, columns, axis=1, out=rows[:count])
    rows[count:] = rows[count - 1]
    scores: Matrix = predictor.scores(rows)[:count]
    return scores


def scoring_model(
    predictor: Predictor,
    explainer: Explainer | None,
    *,
    name: str,
    version: str,
    card: ModelCard,
    available_features: Sequence[str],
    batch_only: str = "",
) -> ScoringModel:
    """`predictor` made ready to score matrices with the columns `available_features`.

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
        predictor=predictor,
        explainer=explainer,
        columns=columns,
        batch_only=batch_only,
    )
