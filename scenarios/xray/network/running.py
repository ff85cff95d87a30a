"""The network's ONNX file in onnxruntime: pixels in, the asked outputs out."""

from collections.abc import Sequence
from importlib.resources import files
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

# Where the command that trains writes; readers call `shipped_network`, which also works in a .zip.
NETWORK_FILE = Path(__file__).with_name("network.onnx")
# embedding (n, 32): means of the maps; pneumonia (n,): logit; bacterial (n,): logit of bacterial
# against viral, given pneumonia; novelty (n,): 1.0 at the 99.9 % quantile; maps (n, 32, 8, 8).
OUTPUTS = ("embedding", "pneumonia", "bacterial", "novelty", "maps")
_BATCH = 64


def shipped_network() -> bytes:
    """The committed network file, also where the packages are a .zip, as on executors."""
    return files("scenarios.xray.network").joinpath(NETWORK_FILE.name).read_bytes()


def network_session(content: bytes, *, threads: int = 1) -> Any:
    """An onnxruntime session on the CPU; not picklable, so made where it is used."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    return onnxruntime.InferenceSession(
        content, sess_options=options, providers=["CPUExecutionProvider"]
    )


def session_outputs(
    session: Any, pixels: npt.NDArray[np.float32], names: Sequence[str] = OUTPUTS
) -> dict[str, npt.NDArray[np.float32]]:
    """The named outputs of `pixels` (n, 1, 64, 64) in [0, 1], n >= 1, 64 images at a time."""
    parts = [
        session.run(list(names), {"pixels": pixels[first : first + _BATCH]})
        for first in range(0, len(pixels), _BATCH)
    ]
    return {
        name: np.concatenate([part[place] for part in parts]) for place, name in enumerate(names)
    }


def run_network(
    content: bytes, pixels: npt.NDArray[np.float32], names: Sequence[str] = OUTPUTS
) -> dict[str, npt.NDArray[np.float32]]:
    """`session_outputs` of a session that is made for this call."""
    return session_outputs(network_session(content), pixels, names)


def head_weights(content: bytes) -> dict[str, npt.NDArray[np.float32]]:
    """The gradients (32,) of the logits `pneumonia` and `bacterial` at any embedding."""
    import onnx
    from onnx import numpy_helper

    graph = onnx.load_model_from_string(content).graph
    arrays = {tensor.name: numpy_helper.to_array(tensor) for tensor in graph.initializer}
    return {name: arrays[f"{name}_weights"][:, 0] for name in ("pneumonia", "bacterial")}
