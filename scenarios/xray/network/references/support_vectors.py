"""What the network is compared with: PCA with support vectors, no neural network at all."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import numpy.typing as npt
from sklearn.decomposition import PCA
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.svm import SVC

from scenarios.xray.images_file import BACTERIAL, network_pixels, read_small_xrays, read_xrays
from scenarios.xray.network.evaluation import Logits, Scorer, of_part
from scenarios.xray.patient_split import Part

_COMPONENTS = 100
_PENALTY = 2.0  # of scikit-learn's SVC, per X-ray beyond the margin
_MIDDLE = slice(8, 56)

Pixels = npt.NDArray[np.float32]
Flags = npt.NDArray[np.bool_]


def support_vector_scorer(folder: Path, *, seed: int = 1) -> Scorer:
    """PCA to 100 whitened components, then a support vector machine (RBF) for each question.

    Both are fitted on the network part in both resolutions. Decision values become logits by a
    logistic regression on the calibration part (Platt 1999).
    """
    pixels, types = _part(folder, "network")
    calibration, calibration_types = _part(folder, "calibration")
    pneumonia = _fitted((pixels, types != 0), (calibration, calibration_types != 0), seed=seed)
    ill, calibration_ill = types != 0, calibration_types != 0
    bacterial = _fitted(
        (pixels[ill], types[ill] == BACTERIAL),
        (calibration[calibration_ill], calibration_types[calibration_ill] == BACTERIAL),
        seed=seed,
    )
    return lambda new: (pneumonia(_flat(new)), bacterial(_flat(new)))


def _fitted(
    training: tuple[Pixels, Flags], calibration: tuple[Pixels, Flags], *, seed: int
) -> Callable[[Pixels], Logits]:
    model = make_pipeline(
        PCA(_COMPONENTS, whiten=True, random_state=seed),
        SVC(C=_PENALTY, class_weight="balanced"),
    )
    model.fit(*training)
    values = model.decision_function(calibration[0])
    platt = LogisticRegression().fit(values[:, np.newaxis], calibration[1])
    slope, shift = float(platt.coef_[0, 0]), float(platt.intercept_[0])
    return lambda pixels: np.asarray(model.decision_function(pixels) * slope + shift)


def _part(folder: Path, part: Part) -> tuple[Pixels, npt.NDArray[np.int8]]:
    sets = [of_part(xrays, part) for xrays in (read_xrays(folder), read_small_xrays(folder))]
    pixels = np.concatenate([_flat(network_pixels(xrays.images)) for xrays in sets])
    return pixels, np.concatenate([xrays.types for xrays in sets])


def _flat(pixels: Pixels) -> Pixels:
    """Rows of 4,096 pixels, less the mean, over the standard deviation, of the image's middle."""
    middle = pixels[:, :, _MIDDLE, _MIDDLE]
    axes = (1, 2, 3)
    mean = middle.mean(axis=axes, keepdims=True)
    spread = middle.std(axis=axes, keepdims=True) + np.float32(0.02)
    scaled = np.clip((pixels - mean) / spread, -3, 3)
    return np.asarray(scaled.reshape(len(pixels), -1), dtype=np.float32)
