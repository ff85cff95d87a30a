"""A network of three numbers per image, in place of one that took minutes to train."""

from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

SIDE = 16


def tiny_network() -> bytes:
    """ONNX: `embedding` (n, 2) is the mean of the upper and of the lower half, `score` (n,) their
    difference, `maps` (n, 2, 16, 16) the halves; each embedding is the mean of its map.
    """
    masks = np.zeros((1, 2, SIDE, SIDE), dtype=np.float32)
    masks[0, 0, : SIDE // 2] = masks[0, 1, SIDE // 2 :] = 2.0
    nodes = [
        helper.make_node("Mul", ["pixels", "masks"], ["maps"]),
        helper.make_node("ReduceMean", ["maps", "axes"], ["embedding"], keepdims=0),
        helper.make_node("MatMul", ["embedding", "weights"], ["score"]),
    ]
    graph = helper.make_graph(
        nodes,
        "tiny",
        [helper.make_tensor_value_info("pixels", TensorProto.FLOAT, ["n", 1, SIDE, SIDE])],
        [
            helper.make_tensor_value_info("embedding", TensorProto.FLOAT, ["n", 2]),
            helper.make_tensor_value_info("score", TensorProto.FLOAT, ["n"]),
            helper.make_tensor_value_info("maps", TensorProto.FLOAT, ["n", 2, SIDE, SIDE]),
        ],
        [
            numpy_helper.from_array(masks, "masks"),
            numpy_helper.from_array(np.array([2, 3], dtype=np.int64), "axes"),
            numpy_helper.from_array(np.array([1.0, -1.0], dtype=np.float32), "weights"),
        ],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=10)
    onnx.checker.check_model(model)
    return bytes(model.SerializeToString())


if __name__ == "__main__":
    (Path(__file__).parents[1] / "scenarios/tiny_network.onnx").write_bytes(tiny_network())
