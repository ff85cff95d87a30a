"""What raised a score is shown where it is in the image, and depends on the network's weights."""

import io
from dataclasses import replace

import numpy as np
import numpy.typing as npt
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper
from PIL import Image as Pictures
from scipy.stats import spearmanr

from features.attachments import NothingStored
from features.images.explaining import ImageExplainer
from features.images.network import Network, NetworkError, Output, onnx_session
from features.images.overlay import class_activation, gradient, overlay_png
from tests.scenarios.leaves import LEAF
from tests.support.pictures import data_url, file_of, levels

Floats = npt.NDArray[np.float64]
EMBEDDING = slice(7, 9)  # behind the figures of quality
SIDE = 32


def rgb(png: bytes) -> npt.NDArray[np.int64]:
    with Pictures.open(io.BytesIO(png)) as picture:
        return np.asarray(picture.convert("RGB"), dtype=np.int64)


def colour(picture: npt.NDArray[np.int64]) -> Floats:
    """How far each pixel is from grey."""
    spread: Floats = (picture.max(axis=2) - picture.min(axis=2)).astype(np.float64)
    return spread


def test_maps_are_weighted_cut_at_zero_enlarged_and_scaled() -> None:
    maps = np.zeros((2, 4, 4), dtype=np.float32)
    maps[0, 0, 0], maps[1, 3, 3] = 2.0, 5.0
    activation = class_activation(maps, np.array([1.0, -1.0]), 64)
    assert activation.shape == (64, 64)
    assert (activation.min(), activation.max()) == (0.0, 1.0)
    assert np.unravel_index(np.argmax(activation), (64, 64))[0] < 16
    assert not activation[32:, 32:].any()  # what lowers the score is not shown
    assert not class_activation(maps, np.array([-1.0, -1.0]), 64).any()


def test_gradient_is_that_of_a_smooth_score_and_finds_a_far_threshold() -> None:
    embedding = np.array([0.5, 2.0, -1.0])
    slopes = gradient(lambda rows: rows @ np.array([3.0, -2.0, 0.0]), embedding)
    np.testing.assert_allclose(slopes, [3.0, -2.0, 0.0], atol=1e-12)
    steps = gradient(lambda rows: (rows[:, 1] > 3.0).astype(np.float64), embedding)
    assert steps[1] > 0.0
    assert not gradient(lambda rows: np.zeros(len(rows)), embedding).any()


def test_image_stays_grey_where_nothing_raises_the_score() -> None:
    activation = np.zeros((256, 256))
    activation[:, 128:] = 1.0
    picture = rgb(overlay_png(levels() / 255.0, activation))
    assert picture.shape == (256, 256, 3)
    assert colour(picture)[:, :128].max() == 0.0
    assert colour(picture)[:, 128:].min() > 30.0


def test_half_of_the_leaf_that_raises_the_score_is_coloured() -> None:
    explainer = ImageExplainer(LEAF)
    stored = file_of(levels())
    reading = LEAF.reader(NothingStored()).content_of(stored, "image/png")
    assert not isinstance(reading, tuple)

    upper = explainer.overlay(reading.stored, lambda figures: figures[:, EMBEDDING][:, 0])
    lower = explainer.overlay(reading.stored, lambda figures: figures[:, EMBEDDING][:, 1])
    # `score` is upper - lower: reached through the network's own head.
    through_head = explainer.overlay(reading.stored, lambda figures: figures[:, 9])

    assert upper is not None
    assert lower is not None
    assert through_head is not None
    for png in (upper, through_head):
        assert colour(rgb(png))[:96].mean() > 10 * colour(rgb(png))[160:].mean()
    assert colour(rgb(lower))[160:].mean() > 10 * colour(rgb(lower))[:96].mean()
    assert explainer.overlay(reading.stored, lambda figures: figures[:, 2]) is None  # brightness
    assert explainer.overlay(reading.stored, lambda f: f[:, 9]) == through_head  # the same again


def test_figures_are_those_of_the_event_to_the_bit() -> None:
    stored = file_of(levels(seed=3))
    reading = LEAF.reader(NothingStored()).read(data_url(stored))
    assert not isinstance(reading, tuple)
    assert ImageExplainer(LEAF).figures(reading.content.stored).tolist() == [*reading.figures]


def test_maps_without_embedding_are_refused() -> None:
    with pytest.raises(NetworkError, match="together"):
        Network(package="x", file="y", side=8, outputs=(Output("z"),), maps="maps")


def test_maps_that_the_file_does_not_have_are_refused_at_start() -> None:
    network = replace(LEAF.network, maps="pictures")
    with pytest.raises(NetworkError, match="no outputs"):
        network.session()


def test_other_weights_give_another_map() -> None:
    """The sanity check of Adebayo et al., "Sanity checks for saliency maps" (2018)."""
    spots = spot_filters()
    correlations = []
    for seed in range(5):
        random = np.random.default_rng(seed)
        picture, place = picture_with_spot(random)
        activation = activation_of(spots, np.array([1.0, 0.0]), picture)
        peak = np.array(np.unravel_index(np.argmax(activation), activation.shape))
        assert np.abs(peak - place).max() <= 3, "the map does not show the spot"
        filters = random.normal(0.0, spots.std(), spots.shape).astype(np.float32)
        other = activation_of(filters, random.uniform(0.2, 1.0, 2), picture)
        correlations.append(float(spearmanr(activation.ravel(), other.ravel())[0]))
    assert np.mean(correlations) < 0.5


def spot_filters() -> npt.NDArray[np.float32]:
    """Two filters (2, 1, 5, 5): for a bright spot, and for an edge."""
    at = np.arange(5) - 2
    distance = at[:, np.newaxis] ** 2 + at[np.newaxis, :] ** 2
    spot = np.where(distance <= 4, 1.0, -1.0)
    spot -= spot.mean()
    edge = np.tile(np.sign(at), (5, 1)).astype(np.float64)
    return np.stack([spot, edge])[:, np.newaxis].astype(np.float32)


def picture_with_spot(random: np.random.Generator) -> tuple[npt.NDArray[np.float32], Floats]:
    """Noise (32, 32) with a bright spot, and the place of that."""
    place = random.integers(6, SIDE - 6, 2)
    rows, columns = np.mgrid[:SIDE, :SIDE]
    spot = (rows - place[0]) ** 2 + (columns - place[1]) ** 2 <= 4
    picture = random.uniform(0.2, 0.4, (SIDE, SIDE)) + 0.5 * spot
    return picture.astype(np.float32), place.astype(np.float64)


def activation_of(
    filters: npt.NDArray[np.float32], weights: Floats, picture: npt.NDArray[np.float32]
) -> Floats:
    """The class activation of a score that weighs the means of the filtered image."""
    graph = helper.make_graph(
        [
            helper.make_node("Conv", ["pixels", "filters"], ["filtered"], pads=[2, 2, 2, 2]),
            helper.make_node("Relu", ["filtered"], ["maps"]),
        ],
        "spots",
        [helper.make_tensor_value_info("pixels", TensorProto.FLOAT, ["n", 1, SIDE, SIDE])],
        [helper.make_tensor_value_info("maps", TensorProto.FLOAT, ["n", 2, SIDE, SIDE])],
        [numpy_helper.from_array(filters, "filters")],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=10)
    onnx.checker.check_model(model)
    session = onnx_session(bytes(model.SerializeToString()))
    maps = session.run(["maps"], {"pixels": picture[np.newaxis, np.newaxis]})[0][0]
    slopes = gradient(lambda rows: rows @ weights, maps.mean(axis=(1, 2)).astype(np.float64))
    return class_activation(maps, slopes, SIDE)
