"""The quick sum over trees gives the model's own scores, to the bit."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from sklearn.ensemble import HistGradientBoostingClassifier

from models.fast.small_tree_kernel import BLOCK_ROWS
from models.fast.small_trees import ScoresDiffer, quick_trees
from models.formats.skops import load_artifact
from models.scoring_model import ScoringModel
from tests.scenarios.tiny import SCENARIO
from tests.support.tiny_model import save_tiny_model

COLUMNS = len(SCENARIO.plan.feature_names)


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> ScoringModel:
    folder = tmp_path_factory.mktemp("quick") / "1"
    pointer = save_tiny_model(folder)
    return load_artifact(
        Path(folder),
        name=pointer.name,
        version=pointer.version,
        sha256=pointer.sha256,
        available_features=SCENARIO.plan.feature_names,
    )


def rows(count: int) -> np.ndarray[tuple[int, int], np.dtype[np.float64]]:
    """Random rows, a fifth of the values missing, some infinite."""
    random = np.random.default_rng(count)
    values = random.normal(60, 60, size=(count, COLUMNS))
    values[random.random(values.shape) < 0.2] = np.nan
    values[random.random(values.shape) < 0.01] = np.inf
    return values


@pytest.mark.parametrize("count", [0, 1, BLOCK_ROWS - 1, BLOCK_ROWS, BLOCK_ROWS + 1, 5000])
def test_scores_are_the_models_own_to_the_bit(model: ScoringModel, count: int) -> None:
    quick = quick_trees(model)
    assert quick is not None
    features = rows(count)
    assert quick.scores(features).tobytes() == model.scores(features).tobytes()


def test_values_that_meet_a_threshold_go_the_same_way(model: ScoringModel) -> None:
    quick = quick_trees(model)
    assert quick is not None
    limits = np.unique(quick.threshold)
    features = np.repeat(limits[:, None], COLUMNS, axis=1)
    for values in (features, np.nextafter(features, -np.inf), np.nextafter(features, np.inf)):
        quick.check(values)


def test_columns_of_the_model_are_found_in_a_wider_matrix(model: ScoringModel) -> None:
    moved = replace(model, columns=model.columns + 2)
    quick = quick_trees(moved)
    assert quick is not None
    wide = np.hstack([rows(300)[:, :2], rows(300)])
    assert quick.scores(wide).tobytes() == moved.scores(wide).tobytes()


def test_an_estimator_of_another_kind_has_no_quick_way(model: ScoringModel) -> None:
    outcomes = np.arange(200) % 2
    bare = HistGradientBoostingClassifier(max_depth=2).fit(rows(200), outcomes)
    assert quick_trees(replace(model, estimator=bare)) is None


def test_a_difference_is_refused(model: ScoringModel) -> None:
    quick = quick_trees(model)
    assert quick is not None
    with pytest.raises(ScoresDiffer, match="everscore-tiny version 1"):
        replace(quick, baseline=quick.baseline + 1e-9).check(rows(10))
