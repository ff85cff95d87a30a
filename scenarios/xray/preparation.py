"""The three files from the two public sets, as a command.

`python -m scenarios.xray.preparation ORIGINALS FOLDER` takes these steps:

1. Each JPEG below ORIGINALS, in order of its path: to 8-bit grey (ITU-R 601), then
   `PIL.Image.resize` bilinear with antialiasing to 64 x 64, without keeping the aspect ratio. The
   file name says type and patient.
2. MedMNIST does not say which original an image comes from. Its images are the middle square of an
   original at 28 x 28: each gets the type and patient of the original whose square correlates most,
   with that correlation and its margin over the second best.
"""

import re
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import numpy.typing as npt

from scenarios.xray.images_file import (
    BACTERIAL,
    FILE_28,
    FILE_28_TYPES,
    FILE_64,
    NORMAL,
    SIDE,
    SOURCES,
    VIRAL,
    XrayFileError,
    Xrays,
)

OFFICIAL_FILE = "pneumoniamnist.npz"
_SMALL_SIDE = 28
_ROWS = 512  # correlated at once, against all originals

# NORMAL/IM-0115-0001.jpeg, NORMAL/NORMAL2-IM-0383-0001.jpeg,
# PNEUMONIA/person1000_bacteria_2931.jpeg, PNEUMONIA/person1000_virus_1681.jpeg.
_NORMAL_NAME = re.compile(r"((?:NORMAL2-)?IM-\d+)")
_PNEUMONIA_NAME = re.compile(r"(person\d+)_(bacteria|virus)_\d+")

Bytes = npt.NDArray[np.uint8]
Floats = npt.NDArray[np.float32]


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


def prepared_from_originals(originals: Path) -> tuple[Xrays, Xrays]:
    """The X-rays squashed to 64 px, and their middle squares at 28 px, in the same order."""
    from PIL import Image, ImageOps

    def entries() -> Iterator[tuple[Bytes, Bytes, int, str]]:
        bilinear = Image.Resampling.BILINEAR
        for path in sorted(originals.rglob("*.jp*g")):
            with Image.open(path) as picture:
                grey = picture.convert("L")
            large = grey.resize((SIDE, SIDE), bilinear)
            square = ImageOps.fit(grey, (_SMALL_SIDE, _SMALL_SIDE), bilinear)
            yield np.asarray(large), np.asarray(square), *type_and_patient(path.name)

    rows = list(entries())
    if not rows:
        raise XrayFileError(f"there are no JPEGs below {originals}; {SOURCES}")
    large, squares, types, patients = zip(*rows, strict=True)
    kinds, keys = np.array(types, dtype=np.int8), np.array(patients)
    return (
        Xrays(images=np.stack(large), types=kinds, patients=keys),
        Xrays(images=np.stack(squares), types=kinds, patients=keys),
    )


def best_matches(images: Bytes, squares: Bytes) -> tuple[npt.NDArray[np.int64], Floats, Floats]:
    """For each of n images the square it is most like, the correlation, the margin; (n,) each.

    `images` (n, 28, 28), `squares` (m, 28, 28), m >= 2.
    """
    targets = _standardised(squares).T
    places, correlations, margins = [], [], []
    for first in range(0, len(images), _ROWS):
        values = _standardised(images[first : first + _ROWS]) @ targets
        two_best = np.partition(values, -2, axis=1)[:, -2:]
        places.append(values.argmax(axis=1))
        correlations.append(two_best[:, 1])
        margins.append(two_best[:, 1] - two_best[:, 0])
    return np.concatenate(places), np.concatenate(correlations), np.concatenate(margins)


def write_xrays(xrays: Xrays, folder: Path) -> Path:
    """Write the 64 px file into `folder`, which must exist; returns its path."""
    path = folder / FILE_64
    np.savez_compressed(path, images=xrays.images, type=xrays.types, patient=xrays.patients)
    return path


def write_matched(squares: Xrays, folder: Path) -> None:
    """Write the two 28 px files from MedMNIST's file in `folder`; raises `XrayFileError`."""
    path = folder / OFFICIAL_FILE
    if not path.is_file():
        raise XrayFileError(f"there is no file {path}: {SOURCES}")
    pixels: dict[str, npt.NDArray[np.generic]] = {}
    origins: dict[str, npt.NDArray[np.generic]] = {}
    with np.load(path, allow_pickle=False) as file:
        for part in ("train", "val"):
            images = file[f"{part}_images"]
            pixels[f"{part}_images"] = images
            pixels[f"{part}_labels"] = file[f"{part}_labels"].ravel()
            places, correlations, margins = best_matches(images, squares.images)
            origins[f"{part}_type"] = squares.types[places]
            origins[f"{part}_patient"] = squares.patients[places]
            origins[f"{part}_corr"] = correlations
            origins[f"{part}_margin"] = margins
    np.savez_compressed(folder / FILE_28, allow_pickle=False, **pixels)
    np.savez_compressed(folder / FILE_28_TYPES, allow_pickle=False, **origins)


def _standardised(images: Bytes) -> Floats:
    """Rows of pixels with mean 0 and length 1, so that products are correlations."""
    rows = images.reshape(len(images), -1).astype(np.float32)
    rows -= rows.mean(axis=1, keepdims=True)
    return np.asarray(rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-6))


def main(arguments: list[str]) -> None:
    """Write the three files into the second argument, a folder."""
    if len(arguments) != 2:
        sys.exit("usage: python -m scenarios.xray.preparation ORIGINALS FOLDER")
    originals, folder = map(Path, arguments)
    large, squares = prepared_from_originals(originals)
    print(write_xrays(large, folder), f"({len(large):,} X-rays)")
    write_matched(squares, folder)
    print(folder / FILE_28, folder / FILE_28_TYPES)


if __name__ == "__main__":
    main(sys.argv[1:])
