"""The trained trunk as one ONNX graph: normalisation, maps, calibrated logits, novelty."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx
from onnx import TensorProto, helper, numpy_helper

from scenarios.xray.images_file import SIDE
from scenarios.xray.network.architecture import FARTHEST, LEAST_CONTRAST, MIDDLE, WIDTH, Trunk
from scenarios.xray.network.calibration import Novelty
from scenarios.xray.network.running import OUTPUTS, run_network
from scenarios.xray.network.training import outputs

OPSET = 18
_IR_VERSION = 9  # of ONNX 1.14, the first with opset 18 in common use
_TOLERANCE = 1e-4


class ExportDiffers(RuntimeError):
    """The graph computes something else than torch; the message says which output, by how much."""

    exit_code = 1


@dataclass(frozen=True, kw_only=True)
class Calibrated:
    """A trunk with what the calibration part added."""

    trunk: Trunk
    pneumonia_temperature: float
    bacterial_temperature: float
    novelty: Novelty


class _Graph:
    """Nodes and initialisers in order; every name is fixed, so the same weights, the same bytes."""

    def __init__(self) -> None:
        self.nodes: list[Any] = []
        self.initialisers: list[Any] = []

    def constant(self, name: str, values: npt.ArrayLike, *, is_index: bool = False) -> str:
        kind = np.int64 if is_index else np.float32
        self.initialisers.append(numpy_helper.from_array(np.asarray(values, dtype=kind), name))
        return name

    def node(self, operator: str, inputs: list[str], output: str, **attributes: Any) -> str:
        self.nodes.append(
            helper.make_node(operator, inputs, [output], name=f"make_{output}", **attributes)
        )
        return output


def network_bytes(calibrated: Calibrated) -> bytes:
    """The ONNX file, checked; outputs see `scenarios/xray/network/running.py`."""
    graph = _Graph()
    maps = _maps(graph, _normalised(graph), calibrated.trunk.features)
    graph.node("Identity", [maps], "maps")
    axes = graph.constant("height_and_width", [2, 3], is_index=True)
    graph.node("ReduceMean", ["maps", axes], "embedding", keepdims=0)
    _logits(graph, calibrated)
    _novelty(graph, calibrated.novelty)
    shapes: dict[str, list[str | int]] = {
        "embedding": ["n", WIDTH],
        "maps": ["n", WIDTH, "height", "width"],
    }
    model = helper.make_model(
        helper.make_graph(
            graph.nodes,
            "chest_xray",
            [helper.make_tensor_value_info("pixels", TensorProto.FLOAT, ["n", 1, SIDE, SIDE])],
            [
                helper.make_tensor_value_info(name, TensorProto.FLOAT, shapes.get(name, ["n"]))
                for name in OUTPUTS
            ],
            graph.initialisers,
        ),
        producer_name="everscore",
        opset_imports=[helper.make_opsetid("", OPSET)],
        ir_version=_IR_VERSION,
    )
    onnx.checker.check_model(model, full_check=True)
    return bytes(model.SerializeToString(deterministic=True))


def check_export(content: bytes, calibrated: Calibrated, pixels: npt.NDArray[np.float32]) -> float:
    """The largest difference of torch and onnxruntime on `pixels`; raises `ExportDiffers`."""
    import torch

    embeddings, logits = (
        value.numpy() for value in outputs(calibrated.trunk, torch.from_numpy(pixels))
    )
    expected = {
        "embedding": embeddings,
        "pneumonia": logits[:, 0] / calibrated.pneumonia_temperature,
        "bacterial": logits[:, 1] / calibrated.bacterial_temperature,
        "novelty": calibrated.novelty.values(embeddings),
    }
    computed = run_network(content, pixels)
    expected["embedding_of_maps"] = embeddings
    computed["embedding_of_maps"] = computed["maps"].mean(axis=(2, 3))
    differences = {
        name: float(np.abs(values - computed[name]).max()) for name, values in expected.items()
    }
    name = max(differences, key=differences.__getitem__)
    if differences[name] > _TOLERANCE:
        raise ExportDiffers(
            f"output {name} of the graph is {differences[name]:.2g} from torch's; "
            f"expected at most {_TOLERANCE:g}"
        )
    return differences[name]


def _normalised(graph: _Graph) -> str:
    """As `scenarios.xray.network.architecture.normalised`."""
    first, last = MIDDLE
    graph.node(
        "Slice",
        [
            "pixels",
            graph.constant("middle_first", [first, first], is_index=True),
            graph.constant("middle_last", [last, last], is_index=True),
            graph.constant("middle_axes", [2, 3], is_index=True),
        ],
        "middle",
    )
    graph.node("ReduceMean", ["middle", "middle_axes"], "brightness", keepdims=1)
    graph.node("Sub", ["middle", "brightness"], "middle_centred")
    graph.node("Mul", ["middle_centred", "middle_centred"], "middle_squared")
    graph.node("ReduceMean", ["middle_squared", "middle_axes"], "variance", keepdims=1)
    graph.node("Sqrt", ["variance"], "spread")
    graph.node("Add", ["spread", graph.constant("least_contrast", LEAST_CONTRAST)], "contrast")
    graph.node("Sub", ["pixels", "brightness"], "centred")
    graph.node("Div", ["centred", "contrast"], "scaled")
    limits = [graph.constant("lowest", -FARTHEST), graph.constant("highest", FARTHEST)]
    return graph.node("Clip", ["scaled", *limits], "normalised")


def _maps(graph: _Graph, values: str, features: Any) -> str:
    """Convolutions with the batch normalisation that follows them multiplied in."""
    layers = list(features)
    triples = zip(layers[0::3], layers[1::3], strict=False)
    for number, (convolution, norm) in enumerate(triples, start=1):
        mean, variance = _array(norm.running_mean), _array(norm.running_var)
        factor = _array(norm.weight) / np.sqrt(variance + norm.eps)
        weights = _array(convolution.weight) * factor[:, np.newaxis, np.newaxis, np.newaxis]
        kernel, padding = convolution.kernel_size, convolution.padding
        inputs = [
            values,
            graph.constant(f"weights_{number}", weights),
            graph.constant(f"bias_{number}", _array(norm.bias) - mean * factor),
        ]
        graph.node(
            "Conv",
            inputs,
            f"convolution_{number}",
            kernel_shape=list(kernel),
            strides=list(convolution.stride),
            pads=[*padding, *padding],
        )
        values = graph.node("Relu", [f"convolution_{number}"], f"maps_{number}")
    return values


def _logits(graph: _Graph, calibrated: Calibrated) -> None:
    linear = calibrated.trunk.heads[-1]
    weights, bias = _array(linear.weight), _array(linear.bias)
    temperatures = (calibrated.pneumonia_temperature, calibrated.bacterial_temperature)
    axis = graph.constant("last_axis", [1], is_index=True)
    for row, name in enumerate(("pneumonia", "bacterial")):
        column = graph.constant(f"{name}_weights", weights[row : row + 1].T / temperatures[row])
        graph.node("MatMul", ["embedding", column], f"{name}_column")
        shift = graph.constant(f"{name}_bias", bias[row : row + 1] / temperatures[row])
        graph.node("Add", [f"{name}_column", shift], f"{name}_shifted")
        graph.node("Squeeze", [f"{name}_shifted", axis], name)


def _novelty(graph: _Graph, novelty: Novelty) -> None:
    """As `Novelty.values`; embeddings are centred first, since float32 loses small differences."""
    centre = novelty.means.mean(axis=0)
    means = (novelty.means - centre) @ novelty.whitening
    graph.node("Sub", ["embedding", graph.constant("centre", centre)], "away")
    graph.node("MatMul", ["away", graph.constant("whitening", novelty.whitening)], "whitened")
    graph.node("Unsqueeze", ["whitened", "last_axis"], "whitened_row")
    graph.node("Sub", ["whitened_row", graph.constant("class_means", means)], "from_classes")
    graph.node("Mul", ["from_classes", "from_classes"], "from_classes_squared")
    coordinates = graph.constant("coordinates", [2], is_index=True)
    graph.node("ReduceSum", ["from_classes_squared", coordinates], "distances", keepdims=0)
    graph.node("ReduceMin", ["distances", "last_axis"], "novelty", keepdims=0)


def _array(tensor: Any) -> npt.NDArray[np.float64]:
    return np.asarray(tensor.detach().numpy(), dtype=np.float64)
