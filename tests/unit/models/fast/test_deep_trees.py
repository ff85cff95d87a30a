"""The walk down trees of any depth gives the model's own scores, to the bit."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from sklearn.calibration import CalibratedClassifierCV
from sklearn.ensemble import HistGradientBoostingClassifier, RandomForestClassifier

from models.card import ModelCard
from models.fast.deep_tree_kernel import BLOCK_ROWS
from models.fast.deep_trees import DeepTrees
from models.fast.quick_scores import quick_scores
from models.formats.skops import EstimatorScores
from models.scoring_model import ScoringModel

COLUMNS = 6
CARD = ModelCard(
    scenario="tiny",
    feature_names=(),
    definitions_digest="",
    seed=1,
    training_counts={},
    metrics={},
    thresholds={},
    base_rate=0.5,
    created_at="2026-01-01T00:00:00+00:00",
)


def rows(count: int) -> np.ndarray[tuple[int, int], np.dtype[np.float64]]:
    """Random rows, a tenth of the values missing, some of any size."""
    random = np.random.default_rng(count)
    values = random.normal(0, 1, size=(count, COLUMNS)).round(2)  # so that many meet a threshold
    values[random.random(values.shape) < 0.1] = np.nan
    values[random.random(values.shape) < 0.01] = -1e30
    return values


def model(estimator: Any) -> ScoringModel:
    """A model of `estimator`, fitted on rows whose missing values are informative."""
    features = rows(3000)
    signal = np.nan_to_num(features[:, 0], nan=1.5) + np.nan_to_num(features[:, 1] * features[:, 2])
    noise = np.random.default_rng(9).normal(0, 0.5, 3000)
    fitted = estimator.fit(features, signal + noise > 0.5)
    return of_estimator(fitted)


def of_estimator(fitted: Any) -> ScoringModel:
    """A model of a fitted estimator."""
    return ScoringModel("m", "1", CARD, EstimatorScores(fitted), None, np.arange(COLUMNS))


def boosted(**options: Any) -> HistGradientBoostingClassifier:
    """Untrained trees."""
    return HistGradientBoostingClassifier(
        max_iter=30, early_stopping=False, random_state=1, **options
    )


ESTIMATORS = [
    boosted(),
    boosted(max_depth=3),
    boosted(max_leaf_nodes=None, min_samples_leaf=1),
    CalibratedClassifierCV(boosted(), method="sigmoid", cv=3, ensemble=False),
]


@pytest.mark.parametrize("estimator", ESTIMATORS)
def test_scores_are_the_models_own_to_the_bit(estimator: Any) -> None:
    scoring_model = model(estimator)
    quick = quick_scores(scoring_model)
    assert isinstance(quick, DeepTrees)
    for count in (0, 1, BLOCK_ROWS - 1, BLOCK_ROWS, 3000, 5001):
        features = rows(count)
        assert quick.scores(features).tobytes() == scoring_model.scores(features).tobytes()
    limits = np.repeat(np.unique(quick.threshold)[:, None], COLUMNS, axis=1)
    for values in (limits, np.nextafter(limits, -np.inf), np.nextafter(limits, np.inf)):
        assert quick.scores(values).tobytes() == scoring_model.scores(values).tobytes()


def test_columns_of_the_model_are_found_in_a_wider_matrix() -> None:
    scoring_model = replace(model(boosted()), columns=np.array([7, 3, 1, 8, 4, 2]))
    quick = quick_scores(scoring_model)
    assert isinstance(quick, DeepTrees)
    wide = np.hstack([rows(500), rows(500)[::-1]])
    assert quick.scores(wide).tobytes() == scoring_model.scores(wide).tobytes()


def test_models_of_another_kind_score_by_themselves() -> None:
    assert quick_scores(model(CalibratedClassifierCV(boosted(), method="isotonic", cv=3))) is None
    features = np.abs(np.nan_to_num(rows(300))).round()
    for other in (
        RandomForestClassifier(5, random_state=1),
        boosted(categorical_features=list(range(COLUMNS))),
    ):
        fitted = other.fit(features, features[:, 0] > 0)
        assert quick_scores(of_estimator(fitted)) is None
