"""Images of no meaning, each another one, as events carry them."""

import base64
import io
from typing import Any

import numpy as np
import numpy.typing as npt

from features.images.image import Image
from features.schema import Attachment

Levels = npt.NDArray[np.uint8]


def noisy_image(side: int, number: int, base: npt.NDArray[Any] | None = None) -> Levels:
    """Uint8 (side, side): `base` in [0, 1], else one that is darker below, with a little noise."""
    random = np.random.default_rng(number)
    plain = np.linspace(0.8, 0.2, side)[:, np.newaxis] * np.ones(side)
    under = plain if base is None else base
    noisy = np.clip(under + random.normal(0.0, 0.03, under.shape), 0.0, 1.0)
    return np.rint(noisy * 255).astype(np.uint8)


def attached_image(field: Attachment, side: int, number: int) -> str:
    """A PNG of its own for each number, as like others of its kind as `field` asks."""
    from PIL import Image as Pictures

    base = None
    if isinstance(field, Image) and field.likeness is not None:
        mean = field.likeness.mean_image
        unit = ((mean - mean.min()) / (mean.max() - mean.min())).astype(np.float32)
        base = np.asarray(Pictures.fromarray(unit).resize((side, side)), dtype=np.float64)
    file = io.BytesIO()
    Pictures.fromarray(noisy_image(side, number, base)).save(file, "PNG")
    return image_text(file.getvalue())


def image_text(png: bytes) -> str:
    """What an event carries."""
    return f"data:image/png;base64,{base64.b64encode(png).decode()}"
