"""The files of X-rays, and what is said when they are missing."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from scenarios.xray.images_file import (
    BACTERIAL,
    NORMAL,
    VIRAL,
    XrayFileError,
    interpolation,
    network_pixels,
    official_test,
    prepared_from_originals,
    read_small_xrays,
    read_xrays,
    type_and_patient,
    write_xrays,
    xray_folder,
)
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


@pytest.mark.parametrize(
    ("name", "kind", "patient"),
    [
        ("IM-0115-0001.jpeg", NORMAL, "IM-0115"),
        ("NORMAL2-IM-0383-0001.jpeg", NORMAL, "NORMAL2-IM-0383"),
        ("person1000_bacteria_2931.jpeg", BACTERIAL, "person1000_b"),
        ("person1000_virus_1681.jpeg", VIRAL, "person1000_v"),
    ],
)
def test_an_original_name_says_type_and_patient(name: str, kind: int, patient: str) -> None:
    assert type_and_patient(name) == (kind, patient)


def test_another_name_is_refused() -> None:
    with pytest.raises(XrayFileError, match=r"'cat\.jpeg' names neither"):
        type_and_patient("cat.jpeg")


def test_the_64_px_file_is_made_from_jpegs(tmp_path: Path) -> None:
    for name in ("NORMAL/IM-0115-0001.jpeg", "PNEUMONIA/person1_virus_6.jpeg"):
        path = tmp_path / name
        path.parent.mkdir()
        Image.new("RGB", (120, 90), (200, 200, 200)).save(path)
    write_xrays(prepared_from_originals(tmp_path), tmp_path)
    xrays = read_xrays(tmp_path)
    assert xrays.patients.tolist() == ["IM-0115", "person1_v"]
    assert xrays.types.tolist() == [NORMAL, VIRAL]
    assert set(xrays.images.ravel().tolist()) == {200}


def test_a_folder_without_jpegs_is_refused(tmp_path: Path) -> None:
    with pytest.raises(XrayFileError, match="no JPEGs"):
        prepared_from_originals(tmp_path)
