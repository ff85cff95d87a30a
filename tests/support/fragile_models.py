"""Real models of the tiny scenario that load, score most rows, and cannot judge the others."""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from threadpoolctl import threadpool_limits

from models.card import ModelCard
from models.formats.artifact import load_artifact, save_artifact
from models.scoring_model import ScoringModel
from models.training.fitting import reproducible_fitting
from scenarios.contract.scenario import Scenario
from stores.records.deployments import ModelPointer
from tests.scenarios.tiny import SCENARIO

WIDTH = len(SCENARIO.features)


@contextmanager
def one_thread() -> Iterator[None]:
    """Trees on two busy cores are twenty times slower with two threads."""
    import sklearn.ensemble  # noqa: F401  only what is loaded can be limited

    with threadpool_limits(limits=1):
        yield


def tiny_rows(count: int, *, seed: int = 1) -> npt.NDArray[np.float64]:
    """Plausible feature rows of the tiny scenario."""
    random = np.random.default_rng(seed)
    rows = random.normal(60.0, 40.0, size=(count, WIDTH))
    rows[:, 1] = random.integers(0, 3, size=count)
    return rows


def fails(rows: npt.NDArray[np.float64]) -> npt.NDArray[np.int64]:
    """Outcomes that follow temperature and mode, with some noise."""
    noise = np.random.default_rng(2).normal(0, 30, len(rows))
    return (rows[:, 0] + 40 * (rows[:, 1] - 1) + noise > 80).astype(np.int64)


@cache
def fragile_estimator(out_of_bounds: str) -> Any:
    """Calibrated trees whose calibration never saw the hottest rows' sums.

    `out_of_bounds`, as scikit-learn has it: for such a row "raise" an error or give "nan".
    """
    from sklearn.calibration import CalibratedClassifierCV
    from sklearn.ensemble import HistGradientBoostingClassifier
    from sklearn.isotonic import IsotonicRegression

    rows = tiny_rows(400)
    trees = HistGradientBoostingClassifier(max_iter=20, max_depth=2, random_state=1)
    whole = CalibratedClassifierCV(trees, method="isotonic", cv=2, ensemble=False)
    with reproducible_fitting():
        whole.fit(rows, fails(rows))
    fitted = whole.calibrated_classifiers_[0]
    sums = fitted.estimator.decision_function(rows)
    cold = sums < np.quantile(sums, 0.8)
    calibration = IsotonicRegression(out_of_bounds=out_of_bounds)
    fitted.calibrators[0] = calibration.fit(sums[cold], fails(rows)[cold])
    return whole


def estimator_of(model: ScoringModel) -> Any:
    """The estimator of scikit-learn that scores in `model`."""
    predictor: Any = model.predictor
    return predictor.estimator


def is_fragile(estimator: Any, rows: npt.NDArray[np.float64]) -> npt.NDArray[np.bool_]:
    """Which rows the estimator of `fragile_estimator` cannot judge."""
    fitted = estimator.calibrated_classifiers_[0]
    beyond: npt.NDArray[np.bool_] = (
        fitted.estimator.decision_function(rows) > fitted.calibrators[0].X_max_
    )
    return beyond


def bare_card(scenario: Scenario = SCENARIO, *, stored_as: str = "skops") -> ModelCard:
    """The card of a version that says no more of it than scoring needs."""
    return ModelCard(
        scenario=scenario.name,
        feature_names=scenario.feature_names,
        definitions_digest=scenario.definitions_digest,
        seed=1,
        training_counts={"rows": 400},
        metrics={},
        thresholds=scenario.policy.thresholds(),
        base_rate=0.3,
        created_at="2026-01-01T00:00:00+00:00",
        format=stored_as,
    )


def save_model(
    folder: Path, estimator: Any, *, version: str, scenario: Scenario = SCENARIO
) -> ModelPointer:
    """`estimator` as a stored version."""
    card = bare_card(scenario)
    sha256 = save_artifact(folder, estimator, card)
    return ModelPointer(
        name="everscore-tiny", version=version, artifact_uri=str(folder), sha256=sha256
    )


def load_model(pointer: ModelPointer, *, scenario: Scenario = SCENARIO) -> ScoringModel:
    """The stored version, ready to score."""
    return load_artifact(
        Path(pointer.artifact_uri),
        name=pointer.name,
        version=pointer.version,
        sha256=pointer.sha256,
        available_features=scenario.feature_names,
    )
