"""The X-rays of one part as tensors: both resolutions, with weights per X-ray."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from scenarios.xray.images_file import (
    BACTERIAL,
    Xrays,
    network_pixels,
    read_small_xrays,
    read_xrays,
)
from scenarios.xray.patient_split import Part, child_key, is_in_part


@dataclass(frozen=True, kw_only=True)
class Rows:
    """n images as tensors: `pixels` (n, 1, 64, 64) float32 in [0, 1], the others (n,).

    `weights` have mean 1: a child with k images counts as sqrt(k) images.
    """

    pixels: Any
    is_square: Any
    has_pneumonia: Any
    is_bacterial: Any
    weights: Any

    def __len__(self) -> int:
        return len(self.pixels)


def part_rows(folder: Path, part: Part) -> Rows:
    """The X-rays of `part`, those of 64 px first, then those of 28 px."""
    large, small = read_xrays(folder), read_small_xrays(folder)
    return rows_of(
        large.rows(is_in_part(large.patients, part)), small.rows(is_in_part(small.patients, part))
    )


def rows_of(large: Xrays, small: Xrays) -> Rows:
    """X-rays of 64 px, then squares of 28 px, as tensors."""
    types = np.concatenate([large.types, small.types])
    return Rows(
        pixels=torch.from_numpy(
            np.concatenate([network_pixels(large.images), network_pixels(small.images)])
        ),
        is_square=torch.from_numpy(np.arange(len(types)) >= len(large)),
        has_pneumonia=torch.from_numpy((types != 0).astype(np.float32)),
        is_bacterial=torch.from_numpy((types == BACTERIAL).astype(np.float32)),
        weights=torch.from_numpy(np.concatenate([_weights(large), _weights(small)])),
    )


def _weights(xrays: Xrays) -> npt.NDArray[np.float32]:
    keys = np.array([child_key(str(patient)) for patient in xrays.patients])
    _, places, counts = np.unique(keys, return_inverse=True, return_counts=True)
    weights = 1 / np.sqrt(counts[places])
    return np.asarray(weights / weights.mean(), dtype=np.float32)
