"""LightGBM's boosters as its text of trees: numbers, never code."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from models.errors import ModelCorrupt
from models.formats.format import ModelInFile
from models.scoring_model import Matrix

_LINES = ("tree", "end of trees", "end of parameters")


@dataclass(frozen=True)
class BoosterScores:
    """Scores of a booster, which compares float64."""

    booster: Any

    def scores(self, features: Matrix) -> Matrix:
        """Probabilities (n,) of the positive class."""
        return np.asarray(self.booster.predict(features, num_threads=1), dtype=np.float64)


@dataclass(frozen=True)
class BoosterContributions:
    """LightGBM's own TreeSHAP, in log-odds."""

    booster: Any

    def contributions(self, features: Matrix) -> Matrix:
        """SHAP values (n, m) of `features` (n, m)."""
        values = self.booster.predict(features, pred_contrib=True, num_threads=1)
        return np.asarray(values[:, :-1], dtype=np.float64)


@dataclass(frozen=True)
class LightgbmFormat:
    """The format lightgbm; see `models.formats.format.ModelFormat`."""

    name: str = "lightgbm"
    file_name: str = "model.lightgbm.txt"
    libraries: tuple[str, ...] = ("lightgbm", "numpy")
    tolerance: float = 1e-12  # its text has 17 digits
    batch_only: str = ""
    without_reasons: str = ""

    def write(self, model: Any) -> bytes:
        """The text of a `Booster` or of the one in an `LGBMClassifier`."""
        booster = model.booster_ if hasattr(model, "booster_") else model
        content: bytes = booster.model_to_string().encode()
        self.read(content, file=Path(self.file_name))
        return content

    def read(self, content: bytes, *, file: Path) -> ModelInFile:
        """The booster's scores and SHAP values; raises `ModelCorrupt`."""
        booster = read_booster(content, file)
        names = tuple(booster.feature_name())
        default = tuple(f"Column_{column}" for column in range(len(names)))
        return ModelInFile(
            BoosterScores(booster),
            BoosterContributions(booster),
            None if names == default else names,
            model=booster,
        )

    def log_to_mlflow(self, model: Any, *, signature: Any, requirements: list[str]) -> Any:
        """Log `model` as MLflow's LightGBM flavour."""
        import mlflow

        return mlflow.lightgbm.log_model(
            model, name="model", signature=signature, pip_requirements=requirements
        )


FORMAT = LightgbmFormat()


def read_booster(content: bytes, file: Path) -> Any:
    """The `Booster` of a text; raises `ModelCorrupt`."""
    import lightgbm

    try:
        text = content.decode()
    except UnicodeDecodeError as error:
        raise ModelCorrupt(f"{file} is not LightGBM's text: {error}") from error
    lines = set(text.splitlines())
    missing = [line for line in _LINES if line not in lines]
    if missing:  # LightGBM itself reads half a file without a word
        raise ModelCorrupt(f"{file} is not a whole LightGBM text: it has no line {missing[0]!r}")
    try:
        booster = lightgbm.Booster(model_str=text)
    except Exception as error:  # whatever a damaged file makes LightGBM raise
        raise ModelCorrupt(f"cannot load {file}: {type(error).__name__}: {error}") from error
    objective = next((line for line in text.splitlines() if line.startswith("objective=")), "")
    if not objective.startswith("objective=binary"):
        raise ModelCorrupt(
            f"{file} says {objective or 'no objective'!r}, expected 'objective=binary': its output "
            "would be no probability of one class"
        )
    return booster
