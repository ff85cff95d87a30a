"""Files of every format, of models trained on the tiny scenario's rows by the library itself."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import joblib
import numpy as np

from batch.exchange.foreign import foreign_model
from batch.exchange.imported import Checked, Particulars, stored_and_checked
from models.formats.format import model_format
from models.formats.onnx_writer import onnx_of
from models.formats.pmml_writer import pmml_of
from models.scoring_model import Matrix
from models.training.fitting import reproducible_fitting
from models.training.recipes import TreeParameters, calibrated_trees
from scenarios.contract.probe_set import probe_rows
from tests.scenarios.tiny import SCENARIO
from tests.support.fragile_models import fails, tiny_rows

NAMES = SCENARIO.feature_names
PROBE = probe_rows(SCENARIO)
PARTICULARS = Particulars(
    file="model",
    owner="team",
    purpose="test",
    limits="none",
    git_commit="0" * 40,
    created_at="2026-01-01T00:00:00+00:00",
)


@dataclass(frozen=True)
class Source:
    """A file's bytes, its name, and the trained model's scores by its library."""

    file_name: str
    content: bytes
    scores: Callable[[Matrix], Matrix]

    def write(self, folder: Path) -> Path:
        """The file in `folder`."""
        path = folder / self.file_name
        path.write_bytes(self.content)
        return path


def checked_import(file: Path, folder: Path, *, trusts_pickle: bool = False) -> Checked:
    """What import_model does before it registers."""
    foreign = foreign_model(file, PROBE, NAMES, trusts_pickle=trusts_pickle)
    return stored_and_checked(folder, foreign, SCENARIO, PROBE, particulars=PARTICULARS)


@cache
def rows() -> tuple[Matrix, Any]:
    """Training rows, exact in float32, some values missing; and their outcomes."""
    features = tiny_rows(300).astype(np.float32).astype(np.float64)
    outcomes = fails(features)
    features[np.random.default_rng(4).random(features.shape) < 0.05] = np.nan
    return features, outcomes


@cache
def trees() -> Any:
    """Calibrated histogram trees of scikit-learn."""
    with reproducible_fitting():
        return calibrated_trees(1, parameters=TreeParameters(trees=8)).fit(*rows())


@cache
def xgboost_booster() -> Any:
    """Trees of XGBoost."""
    import xgboost

    data = xgboost.DMatrix(
        rows()[0].astype(np.float32), label=rows()[1], feature_names=list(NAMES), nthread=1
    )
    parameters = {"objective": "binary:logistic", "max_depth": 3, "nthread": 1, "seed": 1}
    return xgboost.train(parameters, data, num_boost_round=8)


@cache
def lightgbm_booster() -> Any:
    """Trees of LightGBM."""
    import lightgbm

    data = lightgbm.Dataset(*rows(), feature_name=list(NAMES))
    parameters = {
        "objective": "binary",
        "num_threads": 1,
        "verbosity": -1,
        "seed": 1,
        "deterministic": True,
    }
    return lightgbm.train(parameters, data, num_boost_round=8)


def trees_scores(features: Matrix) -> Matrix:
    """Scores of `trees` by scikit-learn."""
    scores: Matrix = trees().predict_proba(features)[:, 1]
    return scores


def xgboost_scores(features: Matrix) -> Matrix:
    """Scores of `xgboost_booster` by XGBoost's usual way."""
    import xgboost

    data = xgboost.DMatrix(features.astype(np.float32), feature_names=list(NAMES), nthread=1)
    return np.asarray(xgboost_booster().predict(data), dtype=np.float64)


def lightgbm_scores(features: Matrix) -> Matrix:
    """Scores of `lightgbm_booster`."""
    return np.asarray(lightgbm_booster().predict(features), dtype=np.float64)


@cache
def source(kind: str) -> Source:
    """A file of `kind`: a format's name, or "pickle"."""
    match kind:
        case "skops":
            return Source("m.skops", model_format("skops").write(trees()), trees_scores)
        case "pickle":
            return Source("m.joblib", _dumped(trees()), trees_scores)
        case "xgboost":
            content = bytes(xgboost_booster().save_raw("json"))
            return Source("m.json", content, xgboost_scores)
        case "lightgbm":
            text = lightgbm_booster().model_to_string()
            return Source("m.txt", text.encode(), lightgbm_scores)
        case "onnx":
            content = onnx_of(lightgbm_booster(), feature_names=NAMES)
            return Source("m.onnx", content, lightgbm_scores)
    return Source("m.pmml", pmml_of(trees(), feature_names=NAMES), trees_scores)


def _dumped(model: Any) -> bytes:
    from io import BytesIO

    buffer = BytesIO()
    joblib.dump(model, buffer)
    return buffer.getvalue()
