"""A network that has learnt nothing: what a sanity check of overlays compares with."""

import numpy as np
import onnx
from onnx import numpy_helper


def randomised(network_bytes: bytes, seed: int) -> bytes:
    """The same graph with new weights, for the sanity check of Adebayo et al. 2018.

    Convolutions and heads are drawn with He's standard deviation, sqrt(2 / inputs of a unit);
    biases become 0.
    """
    generator = np.random.default_rng(seed)
    model = onnx.load_model_from_string(network_bytes)
    for tensor in model.graph.initializer:
        values = numpy_helper.to_array(tensor)
        if tensor.name.startswith("bias_") or tensor.name.endswith("_bias"):
            new = np.zeros_like(values)
        elif "weights" in tensor.name:
            inputs = values[0].size if values.ndim == 4 else len(values)
            new = generator.normal(0, np.sqrt(2 / inputs), values.shape).astype(np.float32)
        else:
            continue
        tensor.CopyFrom(numpy_helper.from_array(new, tensor.name))
    return bytes(model.SerializeToString(deterministic=True))
