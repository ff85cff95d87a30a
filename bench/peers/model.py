"""The estimator that all systems score with, and its features' names in order."""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import joblib
import numpy as np
from numpy.typing import NDArray

Matrix = NDArray[np.float64]


@dataclass(frozen=True)
class Model:
    """A fitted scikit-learn classifier of two classes; `features` name its columns."""

    estimator: Any
    features: tuple[str, ...]

    def scores(self, rows: Matrix | Sequence[Sequence[float]]) -> Matrix:
        """Probability of the second class per row, (n, features) → (n,)."""
        probabilities: Matrix = self.estimator.predict_proba(rows)
        return probabilities[:, 1]

    def columns_of(self, names: Sequence[str]) -> list[int]:
        """Where each of the model's features is among `names`; len(names) where it is not.

        So a caller that appends one column of NaN to its own can pick all of the model's.
        """
        places = {name: place for place, name in enumerate(names)}
        return [places.get(name, len(names)) for name in self.features]


def load_model(path: Path) -> Model:
    """Read {"estimator": ..., "features": [...]} from a joblib file."""
    # Before scikit-learn loads OpenMP: on 2 cores that the servers use too, its second thread
    # mostly spins (35 instead of 10 CPU seconds for 300,000 events).
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    stored = joblib.load(path)
    return Model(stored["estimator"], tuple(stored["features"]))


def picked(values: Sequence[Sequence[float]], columns: Sequence[int]) -> Matrix:
    """The model's matrix from rows of a peer's own features; features it lacks are NaN."""
    matrix = np.array(values, dtype=np.float64)
    missing = np.full((len(matrix), 1), np.nan)
    return np.hstack([matrix, missing])[:, columns]
