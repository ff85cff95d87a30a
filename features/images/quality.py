"""How good an image is as an image: figures of its pixels alone, whatever it shows."""

import numpy as np
import numpy.typing as npt

from features.schema import Number

Pixels = npt.NDArray[np.float64]

_DARKEST, _BRIGHTEST = 0.02, 0.98
_GREY_LEVELS = 64

# Figure, unit, lowest and highest value, in the order of `quality`.
FIGURES = (
    ("width", "pixels", 1.0, 65_535.0),
    ("height", "pixels", 1.0, 65_535.0),
    ("brightness", "", 0.0, 1.0),
    ("contrast", "", 0.0, 1.0),
    ("sharpness", "", 0.0, 16.0),
    ("entropy", "bits", 0.0, 6.0),
    ("clipped_share", "", 0.0, 1.0),
)


def quality_numbers(field: str) -> tuple[Number, ...]:
    """The declarations of the figures of the image field `field`."""
    return tuple(
        Number(name=f"{field}.{figure}", unit=unit, minimum=lowest, maximum=highest)
        for figure, unit, lowest, highest in FIGURES
    )


def quality(pixels: Pixels) -> list[float]:
    """The figures of `pixels` (height, width), 0 black and 1 white.

    brightness     mean
    contrast       standard deviation
    sharpness      variance of the Laplacian: Pech-Pacheco et al., "Diatom autofocusing in
                   brightfield microscopy" (2000)
    entropy        Shannon's, of the histogram of 64 grey levels
    clipped_share  of pixels that are nearly black or nearly white
    """
    height, width = pixels.shape
    inner = pixels[1:-1, 1:-1]
    laplacian = (
        pixels[:-2, 1:-1] + pixels[2:, 1:-1] + pixels[1:-1, :-2] + pixels[1:-1, 2:] - 4.0 * inner
    )
    levels = np.minimum((pixels * _GREY_LEVELS).astype(np.int64), _GREY_LEVELS - 1)
    shares = np.bincount(levels.ravel(), minlength=_GREY_LEVELS) / pixels.size
    present = shares[shares > 0.0]
    clipped = np.mean((pixels <= _DARKEST) | (pixels >= _BRIGHTEST))
    return [
        float(width),
        float(height),
        float(np.mean(pixels)),
        float(np.std(pixels)),
        float(np.var(laplacian)) if laplacian.size else 0.0,
        float(-np.sum(present * np.log2(present))) + 0.0,
        float(clipped),
    ]
