"""Random changes of X-rays that keep what they show: position, form, exposure, resolution."""

from dataclasses import dataclass
from math import pi
from typing import Any

import torch
from torch.nn import functional

_COARSE_SIDES = (20, 24, 28, 28, 28, 36, 44)


@dataclass(frozen=True, kw_only=True)
class Strength:
    """How far an image is changed; ranges are uniform.

    `narrowest` is the smallest share of the width that stays: images of MedMNIST are the middle
    square of X-rays that are up to 1.6 times as wide as high.
    """

    degrees: float = 8.0
    shift: float = 0.10
    narrowest: float = 0.62
    widest: float = 1.08
    lowest: float = 0.82
    highest: float = 1.08
    gamma: float = 0.35
    gradient: float = 0.12
    noise: float = 0.03
    coarse_share: float = 0.4
    hole_share: float = 0.3
    flip_share: float = 0.0


def augmented(pixels: Any, *, is_square: Any, strength: Strength, generator: Any) -> Any:
    """Changed copies of `pixels` (n, 1, 64, 64) in [0, 1].

    `is_square` (n,) marks images that are already cropped to the middle square.
    """
    n = len(pixels)

    def uniform(low: float, high: float, *shape: int) -> Any:
        return torch.rand(n, *shape, generator=generator) * (high - low) + low

    changed = _moved(pixels, is_square=is_square, strength=strength, uniform=uniform)
    size = int(torch.randint(len(_COARSE_SIDES), (1,), generator=generator))
    coarse = _coarse(changed, _COARSE_SIDES[size])
    is_coarse = (uniform(0, 1) < strength.coarse_share) & ~is_square
    changed = torch.where(is_coarse.view(n, 1, 1, 1), coarse, changed)
    changed = changed.clamp(0, 1) ** uniform(-strength.gamma, strength.gamma, 1, 1, 1).exp()
    ramp = torch.linspace(-1, 1, changed.shape[-1])
    tilt = strength.gradient
    changed = changed + uniform(-tilt, tilt, 1, 1, 1) * ramp.view(1, 1, 1, -1)
    changed = changed + uniform(-tilt, tilt, 1, 1, 1) * ramp.view(1, 1, -1, 1)
    noise = torch.randn(changed.shape, generator=generator)
    changed = changed + noise * uniform(0, strength.noise, 1, 1, 1)
    return _with_hole(changed, strength=strength, uniform=uniform).clamp(0, 1)


def _moved(pixels: Any, *, is_square: Any, strength: Strength, uniform: Any) -> Any:
    n = len(pixels)
    angle = uniform(-strength.degrees, strength.degrees) * (pi / 180)
    wide = uniform(strength.narrowest, strength.widest)
    high = uniform(strength.lowest, strength.highest)
    wide = torch.where(is_square, uniform(0.85, 1.15), wide)
    high = torch.where(is_square, uniform(0.85, 1.15), high)
    wide = torch.where(uniform(0, 1) < strength.flip_share, -wide, wide)
    cosine, sine = angle.cos(), angle.sin()
    matrix = torch.empty((n, 2, 3))
    matrix[:, 0, 0], matrix[:, 0, 1] = wide * cosine, -high * sine
    matrix[:, 1, 0], matrix[:, 1, 1] = wide * sine, high * cosine
    matrix[:, :, 2] = uniform(-strength.shift, strength.shift, 2)
    grid = functional.affine_grid(matrix, list(pixels.shape), align_corners=False)
    return functional.grid_sample(pixels, grid, padding_mode="border", align_corners=False)


def _coarse(pixels: Any, side: int) -> Any:
    small = functional.interpolate(
        pixels, size=(side, side), mode="bilinear", antialias=True, align_corners=False
    )
    return functional.interpolate(
        small, size=pixels.shape[-2:], mode="bilinear", align_corners=False
    )


def _with_hole(pixels: Any, *, strength: Strength, uniform: Any) -> Any:
    """A grey square over a share of the images, so that no single spot decides."""
    n, side = len(pixels), pixels.shape[-1]
    half = uniform(4, 9, 1, 1)
    place = torch.arange(side, dtype=torch.float32)
    is_in_column = (place.view(1, 1, -1) - uniform(0, side, 1, 1)).abs() < half
    is_in_row = (place.view(1, -1, 1) - uniform(0, side, 1, 1)).abs() < half
    is_hole = is_in_column & is_in_row & (uniform(0, 1, 1, 1) < strength.hole_share)
    return torch.where(is_hole.view(n, 1, side, side), uniform(0, 1, 1, 1, 1), pixels)
