"""Chest X-rays of children as arrays, from the files of a folder that a setting names."""

import hashlib
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

FOLDER_VARIABLE = "EVERSCORE_XRAY_FOLDER"
TEST_VARIABLE = "EVERSCORE_XRAY_TEST"
SIDE = 64  # pixels; what the network reads
NORMAL, BACTERIAL, VIRAL = 0, 1, 2
TYPE_NAMES = ("normal", "bacterial", "viral")

_BESIDE_CHECKOUT = Path(__file__).resolve().parents[3] / "shared/data"
FILE_64 = "chest_xray_64px.npz"
FILE_28 = "chest_xray_28px.npz"
FILE_28_TYPES = "chest_xray_28px_types.npz"
FILES = (FILE_64, FILE_28, FILE_28_TYPES)
# The original of a 28 px image is looked up by correlation; below these it may be another X-ray.
_LEAST_CORRELATION = 0.95
_LEAST_MARGIN = 0.01
_OFFICIAL_SIDES = (28, 64, 128)

SOURCES = (
    "the files are made from two public sets, both CC BY 4.0: the chest X-ray images of children "
    "of Kermany et al. 2018 (Mendeley Data, doi 10.17632/rscbjbr9sj) and pneumoniamnist.npz of "
    "MedMNIST v2 (Zenodo, record 10519652). Unpack the first, copy the second into FOLDER, then "
    "run `.venv/bin/python -m scenarios.xray.preparation ORIGINALS/train FOLDER`"
)


class XrayFileError(ValueError):
    """A file is missing or is not what its name says; the message says where to get it."""

    exit_code = 2


@dataclass(frozen=True, kw_only=True)
class Xrays:
    """n X-rays: `images` (n, side, side) uint8, 0 black; `types` (n,) int8, see the constants.

    `patients` (n,) are keys of the original file names, such as `person123_b`.
    """

    images: npt.NDArray[np.uint8]
    types: npt.NDArray[np.int8]
    patients: npt.NDArray[np.str_]

    def __len__(self) -> int:
        return len(self.images)

    def rows(self, mask: npt.NDArray[np.bool_]) -> "Xrays":
        """Those where `mask` (n,) holds, in their order."""
        return Xrays(images=self.images[mask], types=self.types[mask], patients=self.patients[mask])

    @property
    def has_pneumonia(self) -> npt.NDArray[np.bool_]:
        """Whether an X-ray shows pneumonia of either type, (n,)."""
        return np.asarray(self.types != NORMAL)


@dataclass(frozen=True, kw_only=True)
class OfficialTest:
    """The official test images of PneumoniaMNIST (n, side, side) and whether they are pneumonia."""

    images: npt.NDArray[np.uint8]
    has_pneumonia: npt.NDArray[np.bool_]


def xray_folder(environ: Mapping[str, str] = os.environ) -> Path:
    """The folder of the files: from the variable, else ../shared/data beside the checkout."""
    path = environ.get(FOLDER_VARIABLE)
    return Path(path) if path else _BESIDE_CHECKOUT


def read_xrays(folder: Path) -> Xrays:
    """The X-rays of 64 px; raises `XrayFileError`."""
    columns = _columns(folder / FILE_64, ("images", "type", "patient"))
    images = columns["images"]
    if images.ndim != 3 or images.shape[1:] != (SIDE, SIDE) or images.dtype != np.uint8:
        raise XrayFileError(
            f"{folder / FILE_64} holds images {images.dtype} {images.shape}; "
            f"expected uint8 (n, {SIDE}, {SIDE})"
        )
    return Xrays(images=images, types=columns["type"], patients=columns["patient"])


def read_small_xrays(folder: Path) -> Xrays:
    """The X-rays of 28 px, training and validation images of PneumoniaMNIST together.

    They are the same X-rays as those of 64 px, cropped to a square in the middle. Images whose
    original is not sure (correlation below 0.95, margin below 0.01) are left out.
    """
    sets = ("train", "val")
    pixels = _columns(folder / FILE_28, tuple(f"{name}_images" for name in sets))
    kinds = ("type", "patient", "corr", "margin")
    origin = _columns(
        folder / FILE_28_TYPES, tuple(f"{name}_{kind}" for name in sets for kind in kinds)
    )

    def both(kind: str) -> npt.NDArray[Any]:
        return np.concatenate([origin[f"{name}_{kind}"] for name in sets])

    images = np.concatenate([pixels[f"{name}_images"] for name in sets])
    is_sure = (both("corr") >= _LEAST_CORRELATION) & (both("margin") >= _LEAST_MARGIN)
    return Xrays(
        images=images, types=both("type").astype(np.int8), patients=both("patient").astype(np.str_)
    ).rows(is_sure)


def official_test(environ: Mapping[str, str] = os.environ) -> OfficialTest | None:
    """The official test when the variable names its file, as MedMNIST publishes it; else None."""
    name = environ.get(TEST_VARIABLE)
    if not name:
        return None
    columns = _columns(Path(name), ("test_images", "test_labels"))
    images = columns["test_images"]
    if images.ndim != 3 or images.shape[1] not in _OFFICIAL_SIDES:
        raise XrayFileError(
            f"{name} holds test_images {images.shape}; expected (n, side, side), "
            f"side one of {_OFFICIAL_SIDES}"
        )
    return OfficialTest(images=images, has_pneumonia=columns["test_labels"].ravel() == 1)


def network_pixels(images: npt.NDArray[np.uint8]) -> npt.NDArray[np.float32]:
    """What the network reads: (n, 1, 64, 64) float32 in [0, 1] from (n, side, side) uint8.

    A multiple of 64 is averaged over its blocks; another side is interpolated bilinearly, pixels
    being areas (half-pixel centres), as in `PIL.Image.resize` when enlarging.
    """
    side = images.shape[1]
    values = images.astype(np.float32) / np.float32(255)
    if side == SIDE:
        resized = values
    elif side % SIDE == 0:
        block = side // SIDE
        resized = values.reshape(-1, SIDE, block, SIDE, block).mean(axis=(2, 4))
    else:
        weights = interpolation(side, SIDE)
        resized = weights @ values @ weights.T
    return np.ascontiguousarray(resized[:, np.newaxis], dtype=np.float32)


def interpolation(source: int, target: int) -> npt.NDArray[np.float32]:
    """The matrix (target, source) of linear interpolation with half-pixel centres."""
    places = np.clip((np.arange(target) + 0.5) * source / target - 0.5, 0, source - 1)
    left = np.minimum(np.floor(places).astype(np.int64), source - 2)
    weights = np.zeros((target, source), dtype=np.float32)
    rows = np.arange(target)
    weights[rows, left] = 1 - (places - left)
    weights[rows, left + 1] = places - left
    return weights


def file_digests(folder: Path) -> dict[str, str]:
    """SHA-256 of the files by name."""
    return {name: hashlib.sha256((folder / name).read_bytes()).hexdigest() for name in FILES}


def _columns(path: Path, names: tuple[str, ...]) -> dict[str, npt.NDArray[Any]]:
    if not path.is_file():
        raise XrayFileError(
            f"there is no file {path}: {SOURCES}. Name the folder by {FOLDER_VARIABLE}, an "
            f"official test file by {TEST_VARIABLE}"
        )
    with np.load(path, allow_pickle=False) as file:
        missing = [name for name in names if name not in file.files]
        if missing:
            raise XrayFileError(f"{path} has no arrays {missing}; it has {file.files}")
        return {name: file[name] for name in names}
