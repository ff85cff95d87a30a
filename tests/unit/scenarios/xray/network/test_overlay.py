"""Where a score comes from: gradients by differences, maps, the picture, the sanity check."""

from io import BytesIO

import numpy as np
import pytest
from PIL import Image
from scipy.stats import spearmanr

from scenarios.xray.images_file import network_pixels, read_xrays, xray_folder
from scenarios.xray.network.evaluation import of_part
from scenarios.xray.network.overlay import (
    class_activation,
    overlay_png,
    randomised,
    score_gradient,
)
from scenarios.xray.network.running import NETWORK_FILE, head_weights, run_network


def test_the_gradient_of_a_smooth_score_is_its_derivative() -> None:
    point = np.linspace(-1, 1, 32)
    gradient = score_gradient(lambda rows: np.sin(rows).sum(axis=1), point)
    assert gradient == pytest.approx(np.cos(point), abs=1e-6)


def test_steps_may_differ_by_coordinate() -> None:
    steps = np.linspace(0.1, 1, 32)
    gradient = score_gradient(lambda rows: rows[:, 3] > 0.45, np.zeros(32), steps=steps)
    assert np.count_nonzero(gradient) == 0
    gradient = score_gradient(lambda rows: rows[:, 31] > 0.45, np.zeros(32), steps=steps)
    assert gradient[31] == pytest.approx(0.5)


def test_the_gradient_of_a_head_is_its_weights() -> None:
    weights = head_weights(NETWORK_FILE.read_bytes())["pneumonia"]
    gradient = score_gradient(lambda rows: rows @ weights, np.zeros(32))
    assert gradient == pytest.approx(weights, abs=1e-6)


def test_what_speaks_for_the_score_is_bright_and_the_rest_is_0() -> None:
    maps = np.zeros((8, 8, 2))
    maps[1, 6, 0] = 2.0
    maps[6, 1, 1] = 3.0
    activation = class_activation(maps, np.array([1.0, -1.0]))
    assert activation.shape == (64, 64)
    assert activation.max() == 1
    assert activation[12, 52] > 0.8
    assert activation[40:, :30].max() == 0
    assert class_activation(maps, np.array([-1.0, -1.0])).max() == 0


def test_the_picture_is_grey_where_nothing_is_active() -> None:
    pixels = np.full((1, 64, 64), 0.5, np.float32)
    activation = np.zeros((64, 64))
    activation[:8, :8] = 1
    picture = np.asarray(Image.open(BytesIO(overlay_png(pixels, activation))).convert("RGB"))
    assert picture.shape == (256, 256, 3)
    assert picture[200, 200].tolist() == [128, 128, 128]
    assert len(set(picture[4, 4].tolist())) == 3


def test_another_seed_another_network_of_the_same_form() -> None:
    content = NETWORK_FILE.read_bytes()
    once, again, other = randomised(content, 1), randomised(content, 1), randomised(content, 2)
    assert once == again != other
    pixels = np.random.default_rng(1).random((2, 1, 64, 64), dtype=np.float32)
    shapes = [
        {name: values.shape for name, values in run_network(network, pixels).items()}
        for network in (content, once)
    ]
    assert shapes[0] == shapes[1]


def test_a_network_without_knowledge_points_elsewhere() -> None:
    """Adebayo et al. 2018: a map that stays when the weights go says nothing about the network."""
    folder = xray_folder()
    if not (folder / "chest_xray_64px.npz").is_file():
        pytest.skip(f"needs the X-ray files: none in {folder}; name theirs: EVERSCORE_XRAY_FOLDER")
    held_out = of_part(read_xrays(folder), "held_out")
    pixels = network_pixels(held_out.images[held_out.has_pneumonia][:50])
    content = NETWORK_FILE.read_bytes()
    activations = []
    for network in (content, randomised(content, 1)):
        weights = head_weights(network)["pneumonia"]
        maps = run_network(network, pixels, ("maps",))["maps"]
        activations.append([class_activation(m, weights) for m in np.moveaxis(maps, 1, -1)])
    correlations = [
        0.0 if np.ptp(b) == 0 else spearmanr(a.ravel(), b.ravel()).statistic
        for a, b in zip(*activations, strict=True)
    ]
    assert np.mean(correlations) < 0.5
