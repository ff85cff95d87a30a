"""Where in an image a score comes from: class activation maps, drawn over the image.

Grad-CAM (Selvaraju et al., "Grad-CAM: Visual explanations from deep networks via gradient-based
localization", 2017), for a score that is any function of the means of a network's maps.
"""

import io
from collections.abc import Callable

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]

OVERLAY_SIDE = 256
# Of the heat colour where the activation is 1.
_STRONGEST = 0.6
# Nine colours of matplotlib's map "inferno", evenly spaced.
_HEAT = np.array(
    [
        (0, 0, 4),
        (31, 12, 72),
        (85, 15, 109),
        (136, 34, 106),
        (186, 54, 85),
        (227, 89, 51),
        (249, 140, 10),
        (249, 201, 50),
        (252, 255, 164),
    ],
    dtype=np.float64,
)
# Half the distance of the two points of a difference, as a share of the embedding's size. A score
# of trees moves only where a step crosses one of their thresholds: then the larger one is tried.
_STEPS = (0.1, 1.0)


def gradient(score: Callable[[Floats], Floats], embedding: Floats) -> Floats:
    """The gradient (k,) of `score` ((n, k) to (n,)) at `embedding` (k,), by central differences.

    All 0 where the score does not move.
    """
    size = np.maximum(np.abs(embedding), max(float(np.mean(np.abs(embedding))), 1e-6))
    slopes = np.zeros_like(embedding)
    for step in _STEPS:
        halves = step * size
        points = np.concatenate([embedding + np.diag(halves), embedding - np.diag(halves)])
        above, below = np.split(score(points), 2)
        slopes = (above - below) / (2.0 * halves)
        if np.any(slopes != 0.0):
            break
    return slopes


def class_activation(maps: npt.NDArray[np.floating], weights: Floats, side: int) -> Floats:
    """Float64 (side, side) in [0, 1] of `maps` (k, h, w) and a score's gradient `weights` (k,).

    The maps are summed with the weights, negative sums become 0, the rest is enlarged bilinearly
    and divided by its maximum. All 0 where nothing raises the score.
    """
    sums = np.maximum(np.tensordot(weights, maps.astype(np.float64), axes=1), 0.0)
    enlarged = np.clip(_resized(sums, side), 0.0, None)
    most = float(enlarged.max())
    return enlarged / most if most > 0.0 else np.zeros((side, side))


def overlay_png(grey: npt.NDArray[np.floating], activation: Floats) -> bytes:
    """A PNG of the activation's size: heat colours over the grey image (h, w) in [0, 1].

    Where the activation is 0 the image stays grey.
    """
    from PIL import Image as Pictures

    light = np.clip(_resized(grey.astype(np.float64), len(activation)), 0.0, 1.0)[..., np.newaxis]
    places = np.linspace(0.0, 1.0, len(_HEAT))
    heat = np.stack([np.interp(activation, places, colour) for colour in _HEAT.T], axis=-1)
    share = _STRONGEST * activation[..., np.newaxis]
    levels = np.rint(255.0 * light * (1.0 - share) + heat * share).astype(np.uint8)
    file = io.BytesIO()
    Pictures.fromarray(levels).save(file, "PNG")
    return file.getvalue()


def _resized(picture: Floats, side: int) -> Floats:
    from PIL import Image as Pictures

    image = Pictures.fromarray(picture.astype(np.float32))
    resized = image.resize((side, side), Pictures.Resampling.BILINEAR)
    return np.asarray(resized, dtype=np.float64)
