"""The files of X-rays, and what is said when they are missing."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from scenarios.xray.images_file import (
    XrayFileError,
    interpolation,
    network_pixels,
    official_test,
    read_small_xrays,
    read_xrays,
    xray_folder,
)
from scenarios.xray.preparation import write_xrays
from tests.unit.scenarios.xray.few_xrays import few_xrays, write_folder


def test_a_variable_names_the_folder() -> None:
    assert xray_folder({"EVERSCORE_XRAY_FOLDER": "/data"}) == Path("/data")
    assert xray_folder({}).name == "data"


def test_a_missing_file_is_said_with_where_to_get_it(tmp_path: Path) -> None:
    with pytest.raises(XrayFileError, match=r"Mendeley Data.*Zenodo.*EVERSCORE_XRAY_FOLDER"):
        read_xrays(tmp_path)


def test_another_file_of_that_name_is_refused(tmp_path: Path) -> None:
    np.savez(tmp_path / "chest_xray_64px.npz", images=np.zeros((2, 28, 28), np.uint8))
    with pytest.raises(XrayFileError, match=r"no arrays \['type', 'patient'\]"):
        read_xrays(tmp_path)
    write_xrays(few_xrays(3, side=28), tmp_path)
    with pytest.raises(XrayFileError, match=r"\(3, 28, 28\); expected uint8 \(n, 64, 64\)"):
        read_xrays(tmp_path)


def test_small_images_of_unsure_origin_are_left_out(tmp_path: Path) -> None:
    small = read_small_xrays(write_folder(tmp_path, 9))
    assert len(small) == 7
    assert list(small.types) == list(few_xrays(9).types[:7])
    assert list(small.patients) == list(few_xrays(9).patients[:7])


def test_the_official_test_is_read_when_it_is_named(tmp_path: Path) -> None:
    assert official_test({}) is None
    path = tmp_path / "pneumoniamnist.npz"
    labels = np.array([[1], [0]], np.uint8)
    np.savez(path, test_images=np.zeros((2, 28, 28), np.uint8), test_labels=labels)
    official = official_test({"EVERSCORE_XRAY_TEST": str(path)})
    assert official is not None
    assert official.has_pneumonia.tolist() == [True, False]


def test_pixels_are_between_0_and_1_and_of_one_size() -> None:
    for side in (28, 64, 128):
        images = np.full((2, side, side), 255, np.uint8)
        pixels = network_pixels(images)
        assert pixels.shape == (2, 1, 64, 64)
        assert pixels.dtype == np.float32
        assert pixels == pytest.approx(1)


def test_enlarging_is_that_of_pillow() -> None:
    image = np.random.default_rng(1).random((28, 28), dtype=np.float32)
    weights = interpolation(28, 64)
    expected = Image.fromarray(image).resize((64, 64), Image.Resampling.BILINEAR)
    assert weights @ image @ weights.T == pytest.approx(np.asarray(expected), abs=1e-5)
