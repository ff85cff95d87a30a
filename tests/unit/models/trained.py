"""A small model, trained once."""

from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from models.card import ModelCard
from models.training.recipes import calibrated_trees

NAMES = ("calls", "tenure", "charge")


@dataclass(frozen=True)
class StoredModel:
    """A folder and the hash that a deployment record would hold."""

    folder: Path
    sha256: str


@cache
def data() -> tuple[npt.NDArray[np.float64], npt.NDArray[np.int64]]:
    """600 rows of three columns, a tenth of the values missing, and outcomes that follow calls."""
    rng = np.random.default_rng(5)
    features = rng.normal(size=(600, 3))
    outcomes = (features[:, 0] + 0.5 * rng.normal(size=600) > 0).astype(np.int64)
    features[rng.random(features.shape) < 0.1] = np.nan
    return features, outcomes


@cache
def estimator() -> Any:
    """Trained on `data`."""
    return calibrated_trees(3, monotonic=[1, 0, 0]).fit(*data())


def card(names: tuple[str, ...] = NAMES) -> ModelCard:
    """A card for `estimator`."""
    return ModelCard(
        scenario="churn",
        feature_names=names,
        definitions_digest="0123456789abcdef",
        seed=3,
        training_counts={"train_rows": 600},
        metrics={"auroc": 0.9},
        thresholds={"low": 0.0, "high": 0.5},
        base_rate=0.5,
        created_at="2026-01-31T00:00:00Z",
    )
