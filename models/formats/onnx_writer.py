"""Models of other libraries as ONNX graphs of one float32 matrix."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib.util import find_spec
from typing import Any

import msgspec

from models.errors import ModelUnusable

# Metadata of a graph: its features, in order, as a list in JSON.
FEATURE_NAMES = "everscore.feature_names"
INPUT = "features"
# What skl2onnx and onnxmltools write and every onnxruntime of these years reads.
_OPSET = {"": 18, "ai.onnx.ml": 3}


class NoConversion(ModelUnusable):
    """There is no conversion of the model to the other format."""


def onnx_of(
    model: Any, *, feature_names: Sequence[str] | None = None, width: int | None = None
) -> bytes:
    """`model` as a graph, with `feature_names` in its metadata when there are any.

    model: the bytes of a graph, or one of onnx, a classifier of scikit-learn, a booster of XGBoost
    or LightGBM, or a `torch.nn.Module` that gives the probabilities (n, 1) of n rows. width: how
    many features it has, where it does not say so itself. Raises `NoConversion`.
    """
    if isinstance(model, bytes) and feature_names is None:
        return model
    import onnx

    if isinstance(model, bytes):
        graph = onnx.load_model_from_string(model)
    elif isinstance(model, onnx.ModelProto):
        graph = model
    else:
        graph = _converted(model, width or len(feature_names or ()))
    if feature_names is not None:
        others = [entry for entry in graph.metadata_props if entry.key != FEATURE_NAMES]
        del graph.metadata_props[:]
        graph.metadata_props.extend(others)
        names = msgspec.json.encode(list(feature_names)).decode()
        graph.metadata_props.add(key=FEATURE_NAMES, value=names)
    content: bytes = graph.SerializeToString(deterministic=True)
    return content


@contextmanager
def whole_missing_tracks() -> Iterator[None]:
    """Within it, skl2onnx converts histogram trees.

    skl2onnx 1.20 gives the attribute `nodes_missing_value_tracks_true` as booleans, which onnx
    1.23 refuses; they are made whole numbers where it adds a node of a tree.
    """
    from skl2onnx.common import tree_ensemble

    name = "nodes_missing_value_tracks_true"
    original = tree_ensemble.add_node

    def add_node(attributes: Any, *arguments: Any, **options: Any) -> Any:
        added = original(attributes, *arguments, **options)
        if name in attributes:
            attributes[name] = [int(value) for value in attributes[name]]
        return added

    from skl2onnx.operator_converters import (
        decision_tree,
        gradient_boosting,
        random_forest,
    )

    users = [
        module
        for module in (tree_ensemble, decision_tree, gradient_boosting, random_forest)
        if getattr(module, "add_node", None) is original
    ]
    for module in users:
        module.add_node = add_node
    try:
        yield
    finally:
        for module in users:
            module.add_node = original


def _converted(model: Any, width: int) -> Any:
    library = type(model).__module__.partition(".")[0]
    if _is_torch(model):
        return _torch_graph(model, width)
    match library:
        case "xgboost":
            return _xgboost_graph(model)
        case "lightgbm":
            return _lightgbm_graph(model)
        case "sklearn":
            return _sklearn_graph(model)
    raise NoConversion(
        f"there is no conversion of {type(model).__qualname__} of {library} to ONNX; there is one "
        "for classifiers of scikit-learn, boosters of XGBoost and LightGBM, and torch.nn.Module"
    )


def _sklearn_graph(model: Any) -> Any:
    from skl2onnx import to_onnx
    from skl2onnx.common.data_types import FloatTensorType

    with whole_missing_tracks():
        return to_onnx(
            model,
            initial_types=[(INPUT, FloatTensorType([None, model.n_features_in_]))],
            options={id(model): {"zipmap": False}},
            target_opset=_OPSET,
        )


def _xgboost_graph(model: Any) -> Any:
    from onnxmltools import convert_xgboost
    from onnxmltools.convert.common.data_types import FloatTensorType

    booster = (model.get_booster() if hasattr(model, "get_booster") else model).copy()
    booster.feature_names = None  # the converter knows columns by number only
    width = booster.num_features()
    return convert_xgboost(
        booster, initial_types=[(INPUT, FloatTensorType([None, width]))], target_opset=15
    )


def _lightgbm_graph(model: Any) -> Any:
    from onnxmltools import convert_lightgbm
    from onnxmltools.convert.common.data_types import FloatTensorType

    booster = model.booster_ if hasattr(model, "booster_") else model
    width = booster.num_feature()
    return convert_lightgbm(
        booster,
        initial_types=[(INPUT, FloatTensorType([None, width]))],
        zipmap=False,
        target_opset=15,
    )


def _is_torch(model: Any) -> bool:
    return any(base.__module__.partition(".")[0] == "torch" for base in type(model).__mro__)


def _torch_graph(model: Any, width: int) -> Any:
    import torch

    if find_spec("onnxscript") is None:
        raise NoConversion(
            "torch exports to ONNX by onnxscript, which is not installed: "
            "run .venv/bin/python -m pip install '.[torch]'"
        )
    program = torch.onnx.export(
        model.eval(),
        (torch.zeros((2, width), dtype=torch.float32),),
        input_names=[INPUT],
        output_names=["probabilities"],
        dynamic_shapes=({0: torch.export.Dim("rows")},),
        dynamo=True,
        verbose=False,
    )
    return program.model_proto
