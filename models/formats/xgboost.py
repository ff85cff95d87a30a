"""XGBoost's boosters as UBJSON (its own JSON, too, can be imported): numbers, never code."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from models.errors import ModelCorrupt
from models.formats.format import ModelInFile
from models.scoring_model import Matrix

_OBJECTIVE = "binary:logistic"


@dataclass(frozen=True)
class BoosterScores:
    """Scores of a booster, which stores and compares float32; `end` trees of it count, 0: all."""

    booster: Any
    end: int = 0

    def scores(self, features: Matrix) -> Matrix:
        """Probabilities (n,) of the positive class."""
        single = np.ascontiguousarray(features, dtype=np.float32)
        scores = self.booster.inplace_predict(
            single, iteration_range=(0, self.end), missing=np.nan, validate_features=False
        )
        return np.asarray(scores, dtype=np.float64)


@dataclass(frozen=True)
class MatrixScores:
    """The same by a `DMatrix`, XGBoost's usual way; `end` as in `BoosterScores`."""

    booster: Any
    end: int = 0

    def scores(self, features: Matrix) -> Matrix:
        """Probabilities (n,) of the positive class."""
        import xgboost

        single = xgboost.DMatrix(features.astype(np.float32), nthread=1)
        scores = self.booster.predict(
            single, validate_features=False, iteration_range=(0, self.end)
        )
        return np.asarray(scores, dtype=np.float64)


@dataclass(frozen=True)
class BoosterContributions:
    """XGBoost's own TreeSHAP, in log-odds; `end` as in `BoosterScores`."""

    booster: Any
    end: int = 0

    def contributions(self, features: Matrix) -> Matrix:
        """SHAP values (n, m) of `features` (n, m)."""
        import xgboost

        rows = xgboost.DMatrix(np.asarray(features, dtype=np.float32), missing=np.nan, nthread=1)
        values = self.booster.predict(
            rows, pred_contribs=True, validate_features=False, iteration_range=(0, self.end)
        )
        return np.asarray(values[:, :-1], dtype=np.float64)


@dataclass(frozen=True)
class XgboostFormat:
    """The format xgboost; see `models.formats.format.ModelFormat`."""

    name: str = "xgboost"
    file_name: str = "model.ubj"
    libraries: tuple[str, ...] = ("xgboost-cpu", "numpy")
    tolerance: float = 1e-6  # float32 sums of leaves
    batch_only: str = ""
    without_reasons: str = ""

    def write(self, model: Any) -> bytes:
        """UBJSON of a `Booster` or of the one in an `XGBClassifier`."""
        booster = model.get_booster() if hasattr(model, "get_booster") else model
        content = bytes(booster.save_raw("ubj"))
        self.read(content, file=Path(self.file_name))
        return content

    def read(self, content: bytes, *, file: Path) -> ModelInFile:
        """The booster's scores and SHAP values; raises `ModelCorrupt`."""
        booster = read_booster(content, file)
        best = booster.attr("best_iteration")
        end = 0 if best is None else int(best) + 1
        names = booster.feature_names
        return ModelInFile(
            BoosterScores(booster, end),
            BoosterContributions(booster, end),
            None if names is None else tuple(names),
            model=booster,
            library=MatrixScores(booster, end),
        )

    def log_to_mlflow(self, model: Any, *, signature: Any, requirements: list[str]) -> Any:
        """Log `model` as MLflow's XGBoost flavour."""
        import mlflow

        return mlflow.xgboost.log_model(
            model,
            name="model",
            model_format="ubj",
            signature=signature,
            pip_requirements=requirements,
        )


FORMAT = XgboostFormat()


def read_booster(content: bytes, file: Path) -> Any:
    """The `Booster` of UBJSON or JSON, on one thread; raises `ModelCorrupt`."""
    import json

    import xgboost

    if content[:1] != b"{":  # XGBoost's older binary is read without checks
        raise ModelCorrupt(f"{file} is not XGBoost's JSON or UBJSON: it begins {content[:4]!r}")
    booster = xgboost.Booster()
    try:
        booster.load_model(bytearray(content))
        booster.set_param({"nthread": 1, "device": "cpu"})
        learner = json.loads(booster.save_config())["learner"]
    except Exception as error:  # whatever a damaged file makes XGBoost raise
        first_line = str(error).strip().splitlines()[0]
        raise ModelCorrupt(f"cannot load {file}: {type(error).__name__}: {first_line}") from error
    objective = learner["objective"]["name"]
    if objective != _OBJECTIVE:
        raise ModelCorrupt(
            f"{file} has the objective {objective!r}, expected {_OBJECTIVE!r}: its output would be "
            "no probability of one class"
        )
    return booster
