"""What images of one kind look like on the whole: tells inverted ones and other things apart."""

import hashlib
import io
from dataclasses import dataclass
from functools import cached_property
from importlib.resources import files

import numpy as np
import numpy.typing as npt

from features.images.network import NetworkError


@dataclass(frozen=True, kw_only=True)
class Likeness:
    """The mean image of a kind, as a PNG that comes with the scenario.

    least: of the correlation with it; below -least an image is inverted, between them it is of
    another kind
    """

    package: str
    file: str
    least: float

    @cached_property
    def content(self) -> bytes:
        """The PNG's bytes; raises `NetworkError`."""
        try:
            return files(self.package).joinpath(self.file).read_bytes()
        except (OSError, ModuleNotFoundError) as error:
            raise NetworkError(f"there is no image {self.file} in {self.package}") from error

    @cached_property
    def digest(self) -> str:
        """SHA-256 of the file and the limit, in hex."""
        return hashlib.sha256(self.content + repr(self.least).encode()).hexdigest()

    @cached_property
    def mean_image(self) -> npt.NDArray[np.float64]:
        """Float64 (side, side) with mean 0 and standard deviation 1."""
        from PIL import Image as Pictures

        with Pictures.open(io.BytesIO(self.content), formats=["PNG"]) as picture:
            return _standard(np.asarray(picture.convert("L"), dtype=np.float64))

    def correlation(self, pixels: npt.NDArray[np.float32]) -> float:
        """Pearson's correlation of `pixels`, of the mean image's size, with the mean image."""
        return float(np.mean(_standard(pixels.astype(np.float64)) * self.mean_image))


def _standard(pixels: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    centred = pixels - np.mean(pixels)
    spread = float(np.std(centred))
    return centred / spread if spread > 0.0 else centred
