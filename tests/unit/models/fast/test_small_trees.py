"""The quick sum over trees gives the model's own scores, to the bit."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from models.fast.quick_scores import ScoresDiffer, check_quick_scores, quick_scores
from models.fast.small_tree_kernel import BLOCK_ROWS
from models.fast.small_trees import SmallTrees
from models.formats.artifact import load_artifact
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


def small(model: ScoringModel) -> SmallTrees:
    """Its quick scores, which are those of small trees."""
    quick = quick_scores(model)
    assert isinstance(quick, SmallTrees)
    return quick


def rows(count: int) -> np.ndarray[tuple[int, int], np.dtype[np.float64]]:
    """Random rows, a fifth of the values missing, some infinite."""
    random = np.random.default_rng(count)
    values = random.normal(60, 60, size=(count, COLUMNS))
    values[random.random(values.shape) < 0.2] = np.nan
    values[random.random(values.shape) < 0.01] = np.inf
    return values


@pytest.mark.parametrize("count", [0, 1, BLOCK_ROWS - 1, BLOCK_ROWS, BLOCK_ROWS + 1, 5000])
def test_scores_are_the_models_own_to_the_bit(model: ScoringModel, count: int) -> None:
    quick = small(model)
    features = rows(count)
    assert quick.scores(features).tobytes() == model.scores(features).tobytes()


def test_values_that_meet_a_threshold_go_the_same_way(model: ScoringModel) -> None:
    quick = small(model)
    limits = np.unique(quick.threshold)
    features = np.repeat(limits[:, None], COLUMNS, axis=1)
    for values in (features, np.nextafter(features, -np.inf), np.nextafter(features, np.inf)):
        check_quick_scores(quick, model, values)


def test_columns_of_the_model_are_found_in_a_wider_matrix(model: ScoringModel) -> None:
    moved = replace(model, columns=model.columns + 2)
    quick = small(moved)
    wide = np.hstack([rows(300)[:, :2], rows(300)])
    assert quick.scores(wide).tobytes() == moved.scores(wide).tobytes()


def test_a_difference_is_refused(model: ScoringModel) -> None:
    quick = small(model)
    with pytest.raises(ScoresDiffer, match="everscore-tiny version 1"):
        check_quick_scores(replace(quick, leaves=quick.leaves + 1e-9), model, rows(10))
