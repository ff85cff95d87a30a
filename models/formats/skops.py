"""scikit-learn estimators in skops' format: types on a list, never code of the file's own."""

import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from models.errors import ModelCorrupt, ModelUntrusted
from models.scoring_model import Explainer, Matrix, Predictor

MODEL_FILE = "model.skops"

# Beyond skops' own defaults; fixed here, so that a file can never bring code of its own.
TRUSTED_TYPES = (
    "sklearn.calibration._CalibratedClassifier",
    "sklearn.calibration._SigmoidCalibration",
    "sklearn.ensemble._hist_gradient_boosting.predictor.TreePredictor",
)


@dataclass(frozen=True)
class EstimatorScores:
    """Scores of a binary classifier of scikit-learn."""

    estimator: Any

    def scores(self, features: Matrix) -> Matrix:
        """Probabilities (n,) of the second class."""
        probabilities: Matrix = self.estimator.predict_proba(features)[:, 1]
        return probabilities


@dataclass(frozen=True)
class TreeContributions:
    """SHAP values of boosted trees, in log-odds.

    Lundberg et al., "From local explanations to global understanding with explainable AI for trees"
    (2020).
    """

    shap: Any

    def contributions(self, features: Matrix) -> Matrix:
        """SHAP values (n, m) of `features` (n, m)."""
        values: Matrix = self.shap.shap_values(features)
        return values


@dataclass(frozen=True)
class SkopsFormat:
    """The format skops; see `models.formats.format.ModelFormat`."""

    name: str = "skops"
    file_name: str = MODEL_FILE
    libraries: tuple[str, ...] = ("scikit-learn", "numpy", "skops", "shap", "numba", "msgspec")

    def write(self, model: Any) -> bytes:
        """The estimator `model` as bytes; raises `ModelUntrusted` for types off the list."""
        import skops.io

        content: bytes = skops.io.dumps(model)
        _refuse_untrusted(content, Path(self.file_name))
        return content

    def read(self, content: bytes, *, file: Path) -> tuple[Predictor, Explainer | None]:
        """The estimator's scores and its trees' SHAP values."""
        _refuse_untrusted(content, file)
        estimator = _estimator(content, file)
        return EstimatorScores(estimator), tree_explainer(estimator)

    def log_to_mlflow(self, model: Any, *, signature: Any, requirements: list[str]) -> Any:
        """Log `model` as MLflow's scikit-learn flavour."""
        import mlflow

        return mlflow.sklearn.log_model(
            model,
            name="model",
            serialization_format="skops",
            skops_trusted_types=list(TRUSTED_TYPES),
            signature=signature,
            pip_requirements=requirements,
        )


FORMAT = SkopsFormat()


def tree_explainer(estimator: Any) -> TreeContributions | None:
    """SHAP for the trees of `estimator`: itself, or the one inside its calibration.

    The calibration is one rising curve over the trees' log-odds, so it changes no order or sign.
    None for an estimator that TreeSHAP does not know.
    """
    import shap  # 1 s, and only loaded models need it
    from shap.utils._exceptions import InvalidModelError  # shap exports it nowhere else

    calibrated = getattr(estimator, "calibrated_classifiers_", None)
    try:
        return TreeContributions(
            shap.TreeExplainer(calibrated[0].estimator if calibrated else estimator)
        )
    except InvalidModelError:
        return None


def _estimator(content: bytes, file: Path) -> Any:
    import skops.io

    try:
        with warnings.catch_warnings():
            # Another scikit-learn than the one that trained would give other scores in silence.
            warnings.simplefilter("error")
            return skops.io.loads(content, trusted=list(TRUSTED_TYPES))
    except Exception as error:  # whatever a damaged file makes skops raise
        raise ModelCorrupt(f"cannot load {file}: {type(error).__name__}: {error}") from error


def _refuse_untrusted(content: bytes, file: Path) -> None:
    import skops.io

    try:
        types_in_file = set(skops.io.get_untrusted_types(data=content))
    except Exception as error:  # whatever a damaged file makes skops raise
        raise ModelCorrupt(f"cannot read {file}: {type(error).__name__}: {error}") from error
    surplus = sorted(types_in_file - set(TRUSTED_TYPES))
    if surplus:
        raise ModelUntrusted(
            f"{file} holds types {surplus} that are not on the allow-list; "
            "add them to TRUSTED_TYPES in models/formats/skops.py after a look at their code"
        )
