"""The files are made from original JPEGs and MedMNIST's file."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from scenarios.xray.images_file import (
    BACTERIAL,
    NORMAL,
    VIRAL,
    XrayFileError,
    read_small_xrays,
    read_xrays,
)
from scenarios.xray.preparation import (
    best_matches,
    main,
    prepared_from_originals,
    type_and_patient,
    write_xrays,
)


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
    write_xrays(prepared_from_originals(tmp_path)[0], tmp_path)
    xrays = read_xrays(tmp_path)
    assert xrays.patients.tolist() == ["IM-0115", "person1_v"]
    assert xrays.types.tolist() == [NORMAL, VIRAL]
    assert set(xrays.images.ravel().tolist()) == {200}


def test_a_folder_without_jpegs_is_refused(tmp_path: Path) -> None:
    with pytest.raises(XrayFileError, match="no JPEGs"):
        prepared_from_originals(tmp_path)


def test_an_image_is_matched_with_its_original_in_another_exposure() -> None:
    squares = np.random.default_rng(1).integers(0, 200, (5, 28, 28), dtype=np.uint8)
    images = squares[[3, 0]] // 2 + 40
    places, correlations, margins = best_matches(images, squares)
    assert places.tolist() == [3, 0]
    assert correlations == pytest.approx(1, abs=1e-3)
    assert margins.min() > 0.5


def test_the_command_writes_all_three_files(tmp_path: Path) -> None:
    generator = np.random.default_rng(1)
    originals, folder = tmp_path / "train", tmp_path / "made"
    originals.mkdir()
    folder.mkdir()
    names = ("IM-0115-0001", "person1_bacteria_1", "person2_virus_6")
    for name in names:
        blocks = generator.integers(0, 255, (7, 9), dtype=np.uint8)
        large = np.kron(blocks, np.ones((16, 16), np.uint8))
        Image.fromarray(large).save(originals / f"{name}.jpeg", quality=95)
    with pytest.raises(XrayFileError, match=r"no file .*pneumoniamnist\.npz"):
        main([str(originals), str(folder)])
    squares = prepared_from_originals(originals)[1].images
    np.savez(
        folder / "pneumoniamnist.npz",
        train_images=squares[[2, 0]],
        train_labels=np.array([[1], [0]]),
        val_images=squares[[1]],
        val_labels=np.array([[1]]),
    )
    main([str(originals), str(folder)])
    assert read_xrays(folder).types.tolist() == [NORMAL, BACTERIAL, VIRAL]
    assert read_small_xrays(folder).patients.tolist() == ["person2_v", "IM-0115", "person1_b"]
