"""PMML documents, scored by JPMML in a Java machine inside this process: for batch jobs only."""

import re
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np

from models.errors import ModelCorrupt, ModelUntrusted
from models.formats.format import ModelInFile
from models.formats.pmml_writer import pmml_of
from models.scoring_model import Matrix

_POSITIVE = ("1", "1.0", "true", "yes")
# A function that PMML itself has: JPMML takes any other name for a Java class.
_BUILT_IN = re.compile(r"[a-zA-Z0-9+*/-]+")
# One thread, few megabytes, and the signals stay Python's.
_JAVA_OPTIONS = ("-Xmx512m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-Xrs")


@dataclass(frozen=True)
class DocumentScores:
    """Scores of a document; travels as its bytes. output: the field of the probability."""

    content: bytes
    names: tuple[str, ...]
    output: str

    def scores(self, features: Matrix) -> Matrix:
        """Probabilities (n,) of the positive class, NaN for rows that the document refuses."""
        import pandas as pd

        values = features.astype(object)
        values[np.isnan(features)] = None
        frame = pd.DataFrame(values, columns=list(self.names))
        scores = self.evaluator.evaluateAll(frame, nan_as_missing=False, parallelism=1)
        return np.asarray(scores[self.output].to_numpy(dtype=np.float64, na_value=np.nan))

    @cached_property
    def evaluator(self) -> Any:
        """JPMML's evaluator, made where this is."""
        return _evaluator(self.content)

    def __getstate__(self) -> dict[str, Any]:
        return {name: self.__dict__[name] for name in self.__dataclass_fields__}


@dataclass(frozen=True)
class PmmlFormat:
    """The format pmml; see `models.formats.format.ModelFormat`."""

    name: str = "pmml"
    file_name: str = "model.pmml"
    libraries: tuple[str, ...] = ("jpmml-evaluator", "jpype1", "numpy")
    tolerance: float = 1e-6  # exact for most libraries, but some writers use float32
    batch_only: str = (
        "it needs a Java machine of up to 512 MB in every worker, and some 0.1 ms a row even in "
        "large batches"
    )
    without_reasons: str = "a document of rules has no TreeSHAP"

    def write(self, model: Any) -> bytes:
        """`model` itself when it is the bytes of a document, else what sklearn2pmml makes of it."""
        content = model if isinstance(model, bytes) else pmml_of(model)
        self.read(content, file=Path(self.file_name))
        return content

    def read(self, content: bytes, *, file: Path) -> ModelInFile:
        """The document's scores; raises `ModelCorrupt` or `ModelUntrusted`."""
        root = _checked_document(content, file)
        output = _probability_field(root, file)
        try:
            evaluator = _evaluator(content)
        except Exception as error:  # JPMML raises an exception of Java
            raise ModelCorrupt(f"cannot load {file}: {_java_line(error)}") from error
        inputs = {field.getName() for field in evaluator.getInputFields()}
        names = _in_order(root, inputs)
        return ModelInFile(DocumentScores(content, names, output), None, names, model=content)

    def log_to_mlflow(self, model: Any, *, signature: Any, requirements: list[str]) -> Any:
        """Log `model` for MLflow's `pyfunc`, by the loader `_load_pyfunc` below: no pickle."""
        import tempfile

        import mlflow

        with tempfile.TemporaryDirectory(prefix="everscore-pmml-") as scratch:
            path = Path(scratch) / self.file_name
            path.write_bytes(self.write(model))
            return mlflow.pyfunc.log_model(
                name="model",
                loader_module=__name__,
                data_path=str(path),
                signature=signature,
                pip_requirements=requirements,
            )


FORMAT = PmmlFormat()


@dataclass(frozen=True)
class _Pyfunc:
    scores: DocumentScores

    def predict(self, features: Any) -> Matrix:
        return self.scores.scores(np.asarray(features, dtype=np.float64))


def _load_pyfunc(path: str) -> _Pyfunc:
    """What MLflow calls to load a logged document."""
    file = Path(path)
    in_file = FORMAT.read(file.read_bytes(), file=file)
    predictor: Any = in_file.predictor
    return _Pyfunc(predictor)


def _evaluator(content: bytes) -> Any:
    import jpmml_evaluator
    import jpype

    if not jpype.isJVMStarted():
        jpype.startJVM(*_JAVA_OPTIONS, classpath=jpmml_evaluator._package_classpath())
    if not isinstance(sys.modules.get("org"), jpype.JPackage):
        # Spark's workers have jars on Python's path, where "org" is a folder without the JPMML.
        sys.modules["org"] = jpype.JPackage("org")
    backend = jpmml_evaluator.make_backend("jpype")
    return jpmml_evaluator.LoadingModelEvaluatorBuilder(backend).loadBytes(content).build()


def _checked_document(content: bytes, file: Path) -> ElementTree.Element:
    """The parsed document, which declares no entities and calls no class of Java."""
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise ModelCorrupt(f"{file} is not PMML in UTF-8: {error}") from error
    if "<!DOCTYPE" in text or "<!ENTITY" in text:
        raise ModelUntrusted(f"{file} declares XML entities, which PMML does not need")
    try:
        root = ElementTree.fromstring(text)
    except ElementTree.ParseError as error:
        raise ModelCorrupt(f"{file} is not well-formed XML: {error}") from error
    if _tag(root) != "PMML":
        raise ModelCorrupt(f"{file} begins with the element {_tag(root)!r}, expected 'PMML'")
    called = {element.get("function", "") for element in root.iter() if _tag(element) == "Apply"}
    foreign = sorted(name for name in called if not _BUILT_IN.fullmatch(name))
    if foreign:
        raise ModelUntrusted(f"{file} calls {foreign}, expected functions of PMML itself")
    return root


def _probability_field(root: ElementTree.Element, file: Path) -> str:
    """The output field with the probability of the positive class."""
    fields = [
        (element.get("name", ""), element.get("value", ""))
        for element in root.iter()
        if _tag(element) == "OutputField" and element.get("feature") == "probability"
    ]
    positive = [name for name, value in fields if value.lower() in _POSITIVE]
    names = positive or ([fields[0][0]] if len(fields) == 1 else [])
    if len(names) != 1:
        raise ModelCorrupt(
            f"{file} has output fields for the probabilities of {[value for _, value in fields]}, "
            f"expected one, or one of the values {list(_POSITIVE)}: leave only the OutputField of "
            "the positive class in the document"
        )
    return names[0]


def _in_order(root: ElementTree.Element, inputs: set[str]) -> tuple[str, ...]:
    """The inputs in the order of the data dictionary."""
    fields: Sequence[str] = [
        element.get("name", "") for element in root.iter() if _tag(element) == "DataField"
    ]
    return tuple(name for name in fields if name in inputs)


def _tag(element: ElementTree.Element) -> str:
    return element.tag.rpartition("}")[2]


def _java_line(error: Exception) -> str:
    return str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
