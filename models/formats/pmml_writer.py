"""Classifiers of scikit-learn as PMML documents, for software that reads no other format."""

import tempfile
from collections.abc import Sequence
from contextlib import redirect_stdout
from io import StringIO
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np

from models.formats.onnx_writer import NoConversion

_NAMESPACE = "http://www.dmg.org/PMML-4_4"
TARGET = "outcome"


def pmml_of(model: Any, *, feature_names: Sequence[str] | None = None) -> bytes:
    """`model` as a document; the columns are named `feature_names`, or else `x1`, `x2`, ...

    model: a classifier of scikit-learn, XGBoost or LightGBM. A sigmoid calibration, which
    sklearn2pmml cannot write around histogram trees, becomes the coefficients of the last step.
    Takes some seconds: it runs Java. Raises `NoConversion`.
    """
    if not hasattr(model, "n_features_in_"):
        raise NoConversion(
            f"there is no conversion of {type(model).__qualname__} to PMML; there is one for "
            "classifiers of scikit-learn"
        )
    names = list(feature_names or (f"x{n}" for n in range(1, model.n_features_in_ + 1)))
    calibrated = getattr(model, "calibrated_classifiers_", None)
    if calibrated is None:
        return _document(model, names)
    if len(calibrated) != 1 or not hasattr(calibrated[0].calibrators[0], "a_"):
        raise NoConversion("PMML is written for one sigmoid calibration only, not for several")
    sigmoid = calibrated[0].calibrators[0]
    return _recalibrated(_document(calibrated[0].estimator, names), sigmoid.a_, sigmoid.b_)


def _document(model: Any, names: list[str]) -> bytes:
    from sklearn2pmml import sklearn2pmml
    from sklearn2pmml.pipeline import PMMLPipeline

    pipeline = PMMLPipeline([("model", model)])
    pipeline.active_fields = np.array(names)
    pipeline.target_fields = np.array([TARGET])
    with tempfile.TemporaryDirectory(prefix="everscore-pmml-") as scratch:
        path = Path(scratch) / "model.pmml"
        try:
            with redirect_stdout(StringIO()):
                sklearn2pmml(pipeline, str(path))
        except RuntimeError as error:
            raise NoConversion(
                f"sklearn2pmml cannot write {type(model).__qualname__}: {error}"
            ) from error
        return path.read_bytes()


def _recalibrated(content: bytes, slope: float, offset: float) -> bytes:
    """The document with 1 / (1 + exp(slope * s + offset)) in place of its logistic function of s.

    Platt, "Probabilistic outputs for support vector machines" (1999).
    """
    ElementTree.register_namespace("", _NAMESPACE)
    root = ElementTree.fromstring(content)
    tables = [
        table
        for table in root.iter(f"{{{_NAMESPACE}}}RegressionTable")
        if table.get("targetCategory") == "1"
    ]
    predictors = [p for table in tables for p in table.iter(f"{{{_NAMESPACE}}}NumericPredictor")]
    if len(tables) != 1 or len(predictors) != 1:
        raise NoConversion("the document has no last step that a calibration could go into")
    tables[0].set("intercept", repr(-float(offset)))
    predictors[0].set("coefficient", repr(-float(slope)))
    recalibrated: bytes = ElementTree.tostring(root, encoding="UTF-8", xml_declaration=True)
    return recalibrated
