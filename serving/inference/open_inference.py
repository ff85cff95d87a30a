"""The Open Inference Protocol: what a request asks for, and how its cases are answered."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import msgspec
import numpy as np
import numpy.typing as npt

from serving.inference.cases import ENTITY, Case
from serving.inference.protocol_route import lenient_json
from serving.inference.tensors import (
    BOOL,
    BYTES,
    FP64,
    InputTensor,
    Tensor,
    binary_of,
    read_tensors,
)
from serving.problems import Problem, Refusal
from serving.scoring.errors import FeaturesRefused
from serving.scoring.feature_rows import FeatureRows

# The tensor [n, k] of all features in the scenario's order.
FEATURES = "features"
_encode = msgspec.json.Encoder().encode

# Name, datatype and how a case says it.
OUTPUTS = {
    "score": FP64,
    "band": BYTES,
    "action": BYTES,
    "review": BOOL,
    "control_group": BOOL,
    "reasons": BYTES,
    "model_version": BYTES,
}


class WantedOutput(msgspec.Struct):
    """An output that the request names."""

    name: str
    parameters: dict[str, Any] = {}


class InferRequest(msgspec.Struct):
    """The JSON of a request."""

    inputs: list[InputTensor]
    id: str = ""
    parameters: dict[str, Any] = {}
    outputs: list[WantedOutput] = []


@dataclass(frozen=True)
class Inference:
    """A request, read: the entities or the feature rows (n, m) that it is about."""

    request: InferRequest
    entities: list[str] | None
    names: Sequence[str]
    matrix: npt.NDArray[np.float64]


@dataclass(frozen=True)
class InferAnswer:
    """The body of the answer; header_bytes: how long its JSON is where raw values follow."""

    body: bytes
    header_bytes: int | None


def read_inference(body: bytes, header_bytes: int | None, rows: FeatureRows) -> Inference:
    """The request in `body`, whose JSON has `header_bytes` bytes where raw values follow.

    Raises `Refusal` 400, or `FeaturesRefused`.
    """
    if header_bytes is not None and not 0 <= header_bytes <= len(body):
        raise Refusal(
            Problem(
                status=400,
                kind="body",
                detail=f"Inference-Header-Content-Length is {header_bytes}, the body has "
                f"{len(body)} bytes",
            )
        )
    split = len(body) if header_bytes is None else header_bytes
    try:
        request = msgspec.convert(lenient_json(body[:split]), InferRequest)
    except msgspec.ValidationError as error:
        raise Refusal(
            Problem(status=400, kind="body", detail=f"the request is not as documented: {error}")
        ) from None
    tensors = read_tensors(request.inputs, body[split:])
    entities = [tensor for tensor in tensors if tensor.name == ENTITY]
    if entities:
        return Inference(request, _entities(tensors), (), np.empty((0, 0)))
    names, matrix = _features(tensors, rows)
    return Inference(request, None, names, matrix)


def _entities(tensors: Sequence[Tensor]) -> list[str]:
    (tensor, *others) = tensors
    if others or not isinstance(tensor.values, list):
        raise FeaturesRefused(f"the input {ENTITY!r} of BYTES stands alone")
    return tensor.values


def _features(
    tensors: Sequence[Tensor], rows: FeatureRows
) -> tuple[Sequence[str], npt.NDArray[np.float64]]:
    if not tensors:
        raise FeaturesRefused("the request has no inputs")
    if len(tensors) == 1 and tensors[0].name == FEATURES:
        values = tensors[0].values
        if isinstance(values, list) or values.ndim != 2:
            raise FeaturesRefused(f"the input {FEATURES!r} holds numbers of shape [n, k]")
        return rows.names, values
    columns: list[npt.NDArray[np.float64]] = []
    for tensor in tensors:
        if len(tensor.shape) == 2 and tensor.shape[1] != 1:
            raise FeaturesRefused(f"input {tensor.name!r}: shape [n] or [n, 1] expected")
        values = tensor.values
        if isinstance(values, list):
            columns.append(rows.column(tensor.name, values))
        else:
            columns.append(values.reshape(-1))
    if len({len(column) for column in columns}) != 1:
        raise FeaturesRefused(
            f"the inputs have {sorted({len(column) for column in columns})} rows, expected one "
            "number of rows"
        )
    return [tensor.name for tensor in tensors], np.column_stack(columns)


def infer_answer(request: InferRequest, cases: Sequence[Case], *, model: str) -> InferAnswer:
    """The answer: an output per field of the cases, those that the request names or all.

    Of one latest row, `id` is the prediction's; `parameters` have reasons and age.
    """
    wanted = request.outputs or [WantedOutput(name) for name in OUTPUTS]
    unknown = [output.name for output in wanted if output.name not in OUTPUTS]
    if unknown:
        raise FeaturesRefused(f"there are no outputs {unknown}: there are {list(OUTPUTS)}")
    all_binary = request.parameters.get("binary_data_output") is True
    outputs, binary = [], []
    for output in wanted:
        datatype = OUTPUTS[output.name]
        values = [_value(case, output.name) for case in cases]
        document: dict[str, Any] = {
            "name": output.name,
            "datatype": datatype,
            "shape": [len(cases)],
        }
        if output.parameters.get("binary_data", all_binary) is True:
            raw = binary_of(datatype, values)
            binary.append(raw)
            document["parameters"] = {"binary_data_size": len(raw)}
        else:
            document["data"] = values
        outputs.append(document)
    versions = list(dict.fromkeys(case.model_version for case in cases))
    answer: dict[str, Any] = {
        "model_name": model,
        "model_version": versions[0] if len(versions) == 1 else "",
        "id": request.id,
        "parameters": _parameters(request, cases),
        "outputs": outputs,
    }
    if len(cases) == 1 and cases[0].prediction_id is not None:
        answer["id"] = cases[0].prediction_id
    header = _encode(answer)
    if not binary:
        return InferAnswer(header, None)
    return InferAnswer(header + b"".join(binary), len(header))


def _value(case: Case, output: str) -> Any:
    value = getattr(case, output)
    return _encode(value).decode() if output == "reasons" else value


def _parameters(request: InferRequest, cases: Sequence[Case]) -> dict[str, Any]:
    """Of the whole answer: texts, numbers and truth values alone, as the protocol wants it."""
    ages = [case.age_seconds for case in cases if case.age_seconds is not None]
    parameters: dict[str, Any] = {
        "reasons": _encode([case.reasons for case in cases]).decode(),
        "what_if": not ages,
    }
    if ages:
        parameters["age_seconds"] = max(ages)
        parameters["stale"] = any(case.stale for case in cases)
    if request.id:
        parameters["request_id"] = request.id
    return parameters
