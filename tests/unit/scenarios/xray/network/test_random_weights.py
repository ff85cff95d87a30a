"""Overlays come from what the network has learnt: one with random weights points elsewhere."""

import numpy as np
import pytest
from scipy.stats import spearmanr

from features.images.overlay import class_activation
from scenarios.xray.images_file import network_pixels, read_xrays, xray_folder
from scenarios.xray.network.evaluation import of_part
from scenarios.xray.network.random_weights import randomised
from scenarios.xray.network.running import NETWORK_FILE, head_weights, run_network


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
        weights = head_weights(network)["pneumonia"].astype(np.float64)
        maps = run_network(network, pixels, ("maps",))["maps"]
        activations.append([class_activation(one, weights, 64) for one in maps])
    correlations = [
        0.0 if np.ptp(b) == 0 else spearmanr(a.ravel(), b.ravel()).statistic
        for a, b in zip(*activations, strict=True)
    ]
    assert np.mean(correlations) < 0.5
