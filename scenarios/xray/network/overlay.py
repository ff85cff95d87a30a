"""Where in the X-ray a score comes from: class activation, for any score of the embedding."""

from collections.abc import Callable
from io import BytesIO

import numpy as np
import numpy.typing as npt
import onnx
from onnx import numpy_helper

from scenarios.xray.images_file import SIDE, interpolation

Floats = npt.NDArray[np.floating]
# (n, 32) embeddings to (n,) scores.
ScoreFunction = Callable[[npt.NDArray[np.float64]], npt.ArrayLike]

OVERLAY_SIDE = 256
_STRONGEST = 0.6  # share of the heat colour where the activation is 1


def score_gradient(
    score: ScoreFunction, embedding: Floats, *, steps: Floats | float = 1e-3
) -> npt.NDArray[np.float64]:
    """The gradient (32,) of `score` at `embedding` (32,) by central finite differences.

    `steps`, one number or (32,), are half the distance of the two points. Scores with jumps, such
    as trees, need steps as large as the embedding's standard deviations.
    """
    centre = np.asarray(embedding, dtype=np.float64)
    halves = np.broadcast_to(np.asarray(steps, dtype=np.float64), centre.shape)
    points = np.concatenate([centre + np.diag(halves), centre - np.diag(halves)])
    above, below = np.split(np.asarray(score(points), dtype=np.float64), 2)
    return np.asarray((above - below) / (2 * halves))


def class_activation(maps: Floats, weights: Floats) -> npt.NDArray[np.float64]:
    """Grad-CAM (Selvaraju et al. 2017) as (64, 64) in [0, 1] from maps (h, w, k), weights (k,).

    `weights` are the gradient of a score with respect to the embedding, the mean of the maps, as
    `score_gradient` gives it: the maps are summed with these weights, negative sums become 0, the
    rest is enlarged bilinearly and divided by its maximum. All 0 where nothing speaks for the
    score.
    """
    height, width, _ = maps.shape
    sums = np.maximum(np.asarray(maps, dtype=np.float64) @ np.asarray(weights), 0)
    enlarged = interpolation(height, SIDE) @ sums @ interpolation(width, SIDE).T
    most = float(enlarged.max())
    return np.asarray(enlarged / most if most > 0 else np.zeros_like(enlarged), dtype=np.float64)


def overlay_png(pixels: Floats, activation: Floats) -> bytes:
    """A PNG of 256 x 256: heat colours (matplotlib's inferno) over the grey image.

    `pixels` (64, 64) or (1, 64, 64) in [0, 1], `activation` (64, 64) in [0, 1]; where the
    activation is 0 the image stays grey.
    """
    from matplotlib import colormaps
    from matplotlib.image import imsave

    grow = interpolation(SIDE, OVERLAY_SIDE)
    grey = np.clip(grow @ np.reshape(pixels, (SIDE, SIDE)) @ grow.T, 0, 1)[:, :, np.newaxis]
    heat = np.clip(grow @ np.asarray(activation) @ grow.T, 0, 1)
    colours = colormaps["inferno"](heat)[:, :, :3]
    share = _STRONGEST * heat[:, :, np.newaxis]
    file = BytesIO()
    picture = np.round(255 * (grey * (1 - share) + colours * share)).astype(np.uint8)
    imsave(file, picture, format="png")
    return file.getvalue()


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
