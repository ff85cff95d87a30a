"""Chest X-rays of children as arrays, from the files of a folder that a setting names."""

import hashlib
import os
import re
from collections.abc import Iterator, Mapping
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
_FILE_64 = "chest_xray_64px.npz"
_FILE_28 = "chest_xray_28px.npz"
_FILE_28_TYPES = "chest_xray_28px_types.npz"
FILES = (_FILE_64, _FILE_28, _FILE_28_TYPES)
# The original of a 28 px image is looked up by correlation; below these it may be another X-ray.
_LEAST_CORRELATION = 0.95
_LEAST_MARGIN = 0.01
_OFFICIAL_SIDES = (28, 64, 128)

_SOURCES = (
    "The 64 px file is made from the chest X-ray images of children of Kermany et al. 2018 "
    "(Mendeley Data, doi 10.17632/rscbjbr9sj, CC BY 4.0): unpack it, then "
    "`.venv/bin/python -m scenarios.xray.images_file ORIGINAL/train FOLDER`. The 28 px file is "
    "pneumoniamnist.npz of MedMNIST v2 (Zenodo record 10519652, CC BY 4.0)"
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
    columns = _columns(folder / _FILE_64, ("images", "type", "patient"))
    images = columns["images"]
    if images.ndim != 3 or images.shape[1:] != (SIDE, SIDE) or images.dtype != np.uint8:
        raise XrayFileError(
            f"{folder / _FILE_64} holds images {images.dtype} {images.shape}; "
            f"expected uint8 (n, {SIDE}, {SIDE})"
        )
    return Xrays(images=images, types=columns["type"], patients=columns["patient"])


def read_small_xrays(folder: Path) -> Xrays:
    """The X-rays of 28 px, training and validation images of PneumoniaMNIST together.

    They are the same X-rays as those of 64 px, cropped to a square in the middle. Images whose
    original is not sure (correlation below 0.95, margin below 0.01) are left out.
    """
    sets = ("train", "val")
    pixels = _columns(folder / _FILE_28, tuple(f"{name}_images" for name in sets))
    kinds = ("type", "patient", "corr", "margin")
    origin = _columns(
        folder / _FILE_28_TYPES, tuple(f"{name}_{kind}" for name in sets for kind in kinds)
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
            f"there is no file {path}: {_SOURCES}. Name the folder by {FOLDER_VARIABLE}, an "
            f"official test file by {TEST_VARIABLE}"
        )
    with np.load(path, allow_pickle=False) as file:
        missing = [name for name in names if name not in file.files]
        if missing:
            raise XrayFileError(f"{path} has no arrays {missing}; it has {file.files}")
        return {name: file[name] for name in names}


# The original's names: NORMAL/IM-0115-0001.jpeg, NORMAL/NORMAL2-IM-0383-0001.jpeg,
# PNEUMONIA/person1000_bacteria_2931.jpeg, PNEUMONIA/person1000_virus_1681.jpeg.
_NORMAL_NAME = re.compile(r"((?:NORMAL2-)?IM-\d+)")
_PNEUMONIA_NAME = re.compile(r"(person\d+)_(bacteria|virus)_\d+")


def type_and_patient(name: str) -> tuple[int, str]:
    """Type and patient key from the name of an original JPEG; raises `XrayFileError`."""
    if match := _PNEUMONIA_NAME.match(name):
        person, germ = match.groups()
        return (BACTERIAL, f"{person}_b") if germ == "bacteria" else (VIRAL, f"{person}_v")
    if match := _NORMAL_NAME.match(name):
        return NORMAL, match.group(1)
    raise XrayFileError(
        f"{name!r} names neither a normal X-ray (IM-0115-0001) nor a pneumonia "
        "(person1000_bacteria_2931, person1000_virus_1681)"
    )


def prepared_from_originals(originals: Path) -> Xrays:
    """All JPEGs below `originals`, in order of their paths, squashed to 64 x 64 grey.

    Steps: to 8-bit grey (ITU-R 601), then `PIL.Image.resize` bilinear with antialiasing, without
    keeping the aspect ratio.
    """
    from PIL import Image

    def entries() -> Iterator[tuple[npt.NDArray[np.uint8], int, str]]:
        for path in sorted(originals.rglob("*.jp*g")):
            with Image.open(path) as picture:
                grey = picture.convert("L").resize((SIDE, SIDE), Image.Resampling.BILINEAR)
            yield np.asarray(grey, dtype=np.uint8), *type_and_patient(path.name)

    rows = list(entries())
    if not rows:
        raise XrayFileError(f"there are no JPEGs below {originals}; {_SOURCES}")
    images, types, patients = zip(*rows, strict=True)
    return Xrays(
        images=np.stack(images), types=np.array(types, dtype=np.int8), patients=np.array(patients)
    )


def write_xrays(xrays: Xrays, folder: Path) -> Path:
    """Write the 64 px file into `folder`, which must exist; returns its path."""
    path = folder / _FILE_64
    np.savez_compressed(path, images=xrays.images, type=xrays.types, patient=xrays.patients)
    return path


if __name__ == "__main__":
    import sys

    if len(sys.argv) != 3:
        sys.exit("usage: python -m scenarios.xray.images_file ORIGINALS FOLDER")
    print(write_xrays(prepared_from_originals(Path(sys.argv[1])), Path(sys.argv[2])))
