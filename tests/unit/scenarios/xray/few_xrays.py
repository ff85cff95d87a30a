"""Made-up X-rays: a bright spot means pneumonia, its side whether it is bacterial."""

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from scenarios.xray.images_file import BACTERIAL, NORMAL, VIRAL, Xrays
from scenarios.xray.preparation import write_xrays


def few_xrays(count: int, *, side: int = 64, seed: int = 1) -> Xrays:
    """`count` X-rays, of as many patients, a third of each type."""
    generator = np.random.default_rng(seed)
    images = generator.integers(60, 100, (count, side, side), dtype=np.uint8)
    types = np.arange(count, dtype=np.int8) % 3
    quarter = side // 4
    images[types == BACTERIAL, quarter : 2 * quarter, quarter : 2 * quarter] += 120
    images[types == VIRAL, quarter : 2 * quarter, 2 * quarter : 3 * quarter] += 120
    names = {NORMAL: "IM-{:04}", BACTERIAL: "person{}_b", VIRAL: "person{}_v"}
    patients = [names[int(kind)].format(number) for number, kind in enumerate(types)]
    return Xrays(images=images, types=types, patients=np.array(patients))


def write_folder(folder: Path, count: int) -> Path:
    """A folder with the three files; the two last of the small images are not sure."""
    write_xrays(few_xrays(count), folder)
    small = few_xrays(count, side=28, seed=2)
    half = count // 2
    sure = np.full(count, 0.99, dtype=np.float32)
    sure[-1] = 0.9
    margin = np.full(count, 0.1, dtype=np.float32)
    margin[-2] = 0.001
    columns: dict[str, npt.NDArray[Any]] = {
        "type": small.types,
        "patient": small.patients,
        "corr": sure,
        "margin": margin,
    }
    images: dict[str, Any] = {}
    origins: dict[str, Any] = {}
    for part, rows in (("train", slice(0, half)), ("val", slice(half, count))):
        images[f"{part}_images"] = small.images[rows]
        origins |= {f"{part}_{name}": values[rows] for name, values in columns.items()}
    np.savez(folder / "chest_xray_28px.npz", **images)
    np.savez(folder / "chest_xray_28px_types.npz", **origins)
    return folder
