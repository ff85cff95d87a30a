"""ONNX graphs, scored by onnxruntime on one thread: operators of the standard, never code."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from models.errors import ModelCorrupt
from models.formats.format import ModelInFile
from models.formats.onnx_writer import FEATURE_NAMES, onnx_of
from models.scoring_model import Matrix

_STANDARD = ("", "ai.onnx", "ai.onnx.ml")
_TYPES = {"tensor(float)": np.float32, "tensor(double)": np.float64}


@dataclass(frozen=True)
class GraphScores:
    """Scores of a graph; travels as its bytes, because a session cannot travel.

    names   the graph's inputs, one per feature; empty when it has one matrix of all features
    output  the one that holds the probabilities
    """

    content: bytes
    names: tuple[str, ...]
    output: str

    def scores(self, features: Matrix) -> Matrix:
        """Probabilities (n,) of the positive class."""
        (output,) = self.session.run([self.output], self._inputs(features))
        values = np.asarray(output, dtype=np.float64)
        return np.ascontiguousarray(values[:, -1] if values.ndim > 1 else values)

    def _inputs(self, features: Matrix) -> dict[str, Any]:
        declared = self.session.get_inputs()
        if self.names:
            return {
                port.name: features[:, [column]].astype(_TYPES[port.type])
                for column, port in enumerate(declared)
            }
        return {declared[0].name: np.ascontiguousarray(features, dtype=_TYPES[declared[0].type])}

    @cached_property
    def session(self) -> Any:
        """onnxruntime's session, made where this is."""
        return _session(self.content)

    def __getstate__(self) -> dict[str, Any]:
        return {name: self.__dict__[name] for name in self.__dataclass_fields__}


@dataclass(frozen=True)
class OnnxFormat:
    """The format onnx; see `models.formats.format.ModelFormat`."""

    name: str = "onnx"
    file_name: str = "model.onnx"
    libraries: tuple[str, ...] = ("onnxruntime", "onnx", "numpy")
    tolerance: float = 1e-5  # float32 sums and the float32 logistic function
    batch_only: str = ""
    without_reasons: str = "a graph of operators has no TreeSHAP"

    def write(self, model: Any) -> bytes:
        """The graph of `model`, see `models.formats.onnx_writer.onnx_of`."""
        content = onnx_of(model)
        self.read(content, file=Path(self.file_name))
        return content

    def read(self, content: bytes, *, file: Path) -> ModelInFile:
        """The graph's scores; raises `ModelCorrupt`."""
        graph, metadata = _plain_graph(content, file)
        try:
            session = _session(graph)
        except Exception as error:  # onnxruntime raises various errors of its own
            raise ModelCorrupt(f"cannot load {file}: {type(error).__name__}: {error}") from error
        names = _input_names(session, file)
        scores = GraphScores(graph, names, _probability_output(session, file))
        return ModelInFile(scores, None, names or metadata, model=content)

    def log_to_mlflow(self, model: Any, *, signature: Any, requirements: list[str]) -> Any:
        """Log `model` as MLflow's ONNX flavour."""
        import mlflow
        import onnx

        return mlflow.onnx.log_model(
            onnx.load_model_from_string(onnx_of(model)),
            name="model",
            signature=signature,
            pip_requirements=requirements,
            save_as_external_data=False,
        )


FORMAT = OnnxFormat()


def _session(content: bytes) -> Any:
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = 4
    return onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])


def _plain_graph(content: bytes, file: Path) -> tuple[bytes, tuple[str, ...] | None]:
    """The graph without a dictionary per row at its end, and the feature names in its metadata.

    Raises `ModelCorrupt` for a graph that needs other files or operators of no standard.
    """
    import onnx

    try:
        model = onnx.load_model_from_string(content)
        onnx.checker.check_model(model)
    except Exception as error:  # protobuf and onnx raise various errors for a damaged file
        raise ModelCorrupt(f"cannot read {file}: {type(error).__name__}: {error}") from error
    foreign = sorted({node.domain for node in model.graph.node} - set(_STANDARD))
    if foreign or model.functions:
        raise ModelCorrupt(f"{file} has operators of {foreign}, expected {list(_STANDARD)} only")
    if any(onnx.external_data_helper.uses_external_data(t) for t in model.graph.initializer):
        raise ModelCorrupt(f"{file} keeps weights in other files: save it as one file")
    metadata = _names_in({entry.key: entry.value for entry in model.metadata_props}, file)
    maps = [node for node in model.graph.node if node.op_type == "ZipMap"]
    for node in maps:  # it makes a dictionary of each row
        for output in model.graph.output:
            if output.name == node.output[0]:
                shape = onnx.helper.make_tensor_value_info(
                    node.input[0], onnx.TensorProto.FLOAT, [None, 2]
                )
                output.CopyFrom(shape)
        model.graph.node.remove(node)
    return (model.SerializeToString() if maps else content), metadata


def _names_in(metadata: Mapping[str, str], file: Path) -> tuple[str, ...] | None:
    text = metadata.get(FEATURE_NAMES)
    if text is None:
        return None
    try:
        return msgspec.json.decode(text, type=tuple[str, ...])
    except msgspec.MsgspecError as error:
        raise ModelCorrupt(f"{file} names its features by {text!r}, expected a list") from error


def _input_names(session: Any, file: Path) -> tuple[str, ...]:
    ports = session.get_inputs()
    unfit = [f"{port.name}: {port.type} {port.shape}" for port in ports if port.type not in _TYPES]
    if unfit:
        raise ModelCorrupt(f"{file} has inputs {unfit}, expected {sorted(_TYPES)}")
    if len(ports) == 1 and ports[0].shape[1:] != [1]:
        return ()
    return tuple(port.name for port in ports)


def _probability_output(session: Any, file: Path) -> str:
    """The one output of floats with a column per class, or one column for the positive class."""
    ports = [
        port
        for port in session.get_outputs()
        if port.type in _TYPES and (len(port.shape) < 2 or port.shape[1] in (1, 2, None))
    ]
    named = [port for port in ports if "prob" in port.name.lower()] or ports
    if len(named) != 1:
        outputs = [f"{port.name}: {port.type} {port.shape}" for port in session.get_outputs()]
        raise ModelCorrupt(
            f"{file} has outputs {outputs}, expected one of floats with the probabilities of one "
            "or two classes"
        )
    return str(named[0].name)
