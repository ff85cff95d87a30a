"""scikit-learn estimators in skops' format: types on a list, never code of the file's own."""

import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from models.errors import ModelCorrupt, ModelUntrusted
from models.formats.format import ModelInFile
from models.scoring_model import Matrix

MODEL_FILE = "model.skops"

# Beyond skops' own defaults; fixed here, so that a file can never bring code of its own.
TRUSTED_TYPES = (
    "sklearn.calibration._CalibratedClassifier",
    "sklearn.calibration._SigmoidCalibration",
    "sklearn.ensemble._hist_gradient_boosting.predictor.TreePredictor",
    "sklearn.tree._tree.Tree",  # of forests and single trees; `_check_trees` looks at their nodes
    "numpy.dtype",  # what an imputer notes of its columns
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
    """SHAP values of trees: in log-odds for boosted ones, in probability for forests.

    Lundberg et al., "From local explanations to global understanding with explainable AI for trees"
    (2020).
    """

    shap: Any

    def contributions(self, features: Matrix) -> Matrix:
        """SHAP values (n, m) of `features` (n, m), for the second class."""
        values: Matrix = self.shap.shap_values(features)
        # A forest's are shares of its probabilities, and there is one table per class.
        return values[..., 1] if values.ndim == 3 else values


@dataclass(frozen=True)
class LinearContributions:
    """What each column adds to the log-odds of a logistic regression, beside its mean in training.

    These are its SHAP values when columns are independent: Lundberg and Lee, "A unified approach
    to interpreting model predictions" (2017), corollary 1. `steps` before the regression give
    every column mean 0, so one that is missing adds 0.
    """

    steps: Any
    weights: Matrix

    def contributions(self, features: Matrix) -> Matrix:
        """Contributions (n, m) of `features` (n, m), for the second class."""
        values: Matrix = self.steps.transform(features) * self.weights
        return values


@dataclass(frozen=True)
class SkopsFormat:
    """The format skops; see `models.formats.format.ModelFormat`."""

    name: str = "skops"
    file_name: str = MODEL_FILE
    libraries: tuple[str, ...] = ("scikit-learn", "numpy", "skops", "shap", "numba", "msgspec")
    tolerance: float = 0.0
    batch_only: str = ""
    without_reasons: str = ""

    def write(self, model: Any) -> bytes:
        """The estimator `model` as bytes; raises `ModelUntrusted` for types off the list."""
        import skops.io

        content: bytes = skops.io.dumps(model)
        _refuse_untrusted(content, Path(self.file_name))
        return content

    def read(self, content: bytes, *, file: Path) -> ModelInFile:
        """The estimator's scores and the SHAP values of its trees or of its standardised line."""
        _refuse_untrusted(content, file)
        estimator = _estimator(content, file)
        check_trees(estimator, file=file)
        names = getattr(estimator, "feature_names_in_", None)
        return ModelInFile(
            EstimatorScores(estimator),
            linear_explainer(estimator) or tree_explainer(estimator),
            None if names is None else tuple(str(name) for name in names),
            model=estimator,
        )

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


def linear_explainer(estimator: Any) -> LinearContributions | None:
    """Contributions of a pipeline that ends with a scaler and a logistic regression; else None."""
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import Pipeline
    from sklearn.preprocessing import StandardScaler

    if not isinstance(estimator, Pipeline) or len(estimator.steps) < 2:
        return None
    scaler, regression = estimator[-2], estimator[-1]
    is_standardised = isinstance(scaler, StandardScaler) and scaler.with_mean
    if not is_standardised or not isinstance(regression, LogisticRegression):
        return None
    if len(regression.coef_) != 1 or regression.coef_.shape[1] != estimator.n_features_in_:
        return None
    return LinearContributions(estimator[:-1], regression.coef_[0])


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


def check_trees(model: Any, *, file: Path) -> None:
    """Raise `ModelCorrupt` when a tree in `model` points outside itself or back.

    scikit-learn walks a tree's nodes without looking: such a file would read foreign memory, or
    never end.
    """
    for tree in _trees_in(model, visited=set()):
        nodes = np.arange(tree.node_count)
        for children in (tree.children_left, tree.children_right):
            is_leaf = children == -1
            if not (is_leaf | ((children > nodes) & (children < tree.node_count))).all():
                raise ModelCorrupt(f"{file} holds a tree whose nodes point outside it")
        splits = tree.feature[tree.children_left != -1]
        if ((splits < 0) | (splits >= tree.n_features)).any():
            raise ModelCorrupt(f"{file} holds a tree that splits by a column it does not have")


def _trees_in(part: Any, *, visited: set[int]) -> Iterator[Any]:
    """Every `Tree` that is reachable from `part`."""
    from sklearn.tree._tree import Tree

    if id(part) in visited:
        return
    visited.add(id(part))
    if isinstance(part, Tree):
        yield part
    elif isinstance(part, list | tuple):
        for element in part:
            yield from _trees_in(element, visited=visited)
    elif isinstance(part, np.ndarray) and part.dtype == np.object_:
        for element in part.ravel():
            yield from _trees_in(element, visited=visited)
    elif isinstance(part, dict):
        for element in part.values():
            yield from _trees_in(element, visited=visited)
    elif type(part).__module__.partition(".")[0] == "sklearn" and hasattr(part, "__dict__"):
        yield from _trees_in(vars(part), visited=visited)


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
