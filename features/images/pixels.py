"""The pixels of an image file as a grey picture: checked before they are unpacked, and as PNG."""

import hashlib
import io
import math
import warnings
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from features.events import reasons
from features.events.rules import Finding

PNG, JPEG, DICOM = "image/png", "image/jpeg", "application/dicom"
MEDIA_TYPES = (PNG, JPEG, DICOM)
_SIGNATURES = {
    PNG: (0, b"\x89PNG\r\n\x1a\n"),
    JPEG: (0, b"\xff\xd8\xff"),
    DICOM: (128, b"DICM"),
}
# Of the channels' mean difference: what a scanner's grey has at most; photographs have ten times.
_MOST_COLOUR = 0.02
_DEEP = 65_535


@dataclass(frozen=True)
class Limits:
    """What an image may be: smallest and largest side in pixels, and all pixels of it."""

    least_side: int = 28
    most_side: int = 4_096
    most_pixels: int = 16_777_216

    def finding(self, width: int, height: int) -> Finding | None:
        """What is wrong with the size, which is known before anything is unpacked."""
        size = f"the image has {width:,} x {height:,} pixels"
        if width * height > self.most_pixels:
            return reasons.ATTACHMENT_TOO_LARGE, f"{size}; allowed are {self.most_pixels:,} in all"
        if min(width, height) < self.least_side or max(width, height) > self.most_side:
            allowed = f"sides from {self.least_side} to {self.most_side:,} pixels are allowed"
            return reasons.ATTACHMENT_WRONG_SIZE, f"{size}; {allowed}"
        return None


@dataclass(frozen=True)
class Grey:
    """A grey image: whole numbers (height, width), uint8 or uint16, 0 black."""

    levels: npt.NDArray[Any]

    @property
    def unit(self) -> npt.NDArray[np.float64]:
        """Float64 (height, width) in [0, 1]."""
        most = 255.0 if self.levels.dtype == np.uint8 else float(_DEEP)
        return self.levels.astype(np.float64) / most

    @property
    def digest(self) -> str:
        """SHA-256 over `grey8 WIDTH HEIGHT` (or `grey16`), a line feed and the levels row by row,
        two bytes each (the higher first) with 16 bits: of the pixels, whatever file they came in.
        """
        height, width = self.levels.shape
        is_deep = self.levels.dtype == np.uint16
        head = f"grey{16 if is_deep else 8} {width} {height}\n".encode()
        body = self.levels.astype(">u2") if is_deep else self.levels
        return hashlib.sha256(head + body.tobytes()).hexdigest()

    def png(self) -> bytes:
        """The image as PNG, with nothing in the file but the pixels."""
        from PIL import Image as Pictures

        file = io.BytesIO()
        Pictures.fromarray(self.levels).save(file, "PNG")
        return file.getvalue()

    def resized(self, side: int) -> npt.NDArray[np.float32]:
        """Float32 (side, side) in [0, 1]; an image of that size keeps every bit."""
        from PIL import Image as Pictures

        unit = self.unit.astype(np.float32)
        if unit.shape == (side, side):
            return unit
        picture = Pictures.fromarray(unit).resize((side, side), Pictures.Resampling.BILINEAR)
        return np.clip(np.asarray(picture, dtype=np.float32), 0.0, 1.0)


def grey_image(
    raw: bytes, media_type: str, *, limits: Limits, modalities: tuple[str, ...]
) -> Grey | Finding:
    """The image in the file `raw`, or what is wrong with it.

    modalities: of DICOM's codes (such as DX) those that are taken. Of a DICOM file nothing but the
    pixels is kept: no tag that identifies somebody goes on from here.
    """
    place, signature = _SIGNATURES[media_type]
    if raw[place : place + len(signature)] != signature:
        return _broken(f"the file is not {media_type}, as it says")
    try:
        if media_type == DICOM:
            return _of_dicom(raw, limits, modalities)
        return _of_picture(raw, media_type, limits)
    except MemoryError:
        raise
    except _bomb_error() as error:
        return reasons.ATTACHMENT_TOO_LARGE, f"the image unpacks to too much: {error}"
    except Exception as error:  # libraries raise what they like about broken files
        return _broken(f"the file cannot be read: {type(error).__name__}: {error}")


def _bomb_error() -> type[Exception]:
    from PIL.Image import DecompressionBombError

    return DecompressionBombError


def _of_picture(raw: bytes, media_type: str, limits: Limits) -> Grey | Finding:
    from PIL import Image as Pictures

    kind = media_type.removeprefix("image/").upper()
    with warnings.catch_warnings():
        # The size is checked here, before anything is unpacked.
        warnings.simplefilter("ignore", Pictures.DecompressionBombWarning)
        with Pictures.open(io.BytesIO(raw), formats=[kind]) as picture:
            if finding := limits.finding(*picture.size):
                return finding
            picture.load()
            if picture.mode in ("I;16", "I;16B", "I"):
                return Grey(np.clip(np.asarray(picture), 0, _DEEP).astype(np.uint16))
            if picture.mode in ("1", "L"):
                return Grey(np.asarray(picture.convert("L")))
            colours = np.asarray(picture.convert("RGB"), dtype=np.float64)
    colour = float(np.mean(colours.max(axis=2) - colours.min(axis=2))) / 255.0
    if colour > _MOST_COLOUR:
        share = math.ceil(100 * colour)
        return reasons.ATTACHMENT_WRONG_KIND, f"the image is in colour ({share} % in the mean)"
    return Grey(np.rint(colours.mean(axis=2)).astype(np.uint8))


def _of_dicom(raw: bytes, limits: Limits, modalities: tuple[str, ...]) -> Grey | Finding:
    import pydicom

    data = pydicom.dcmread(io.BytesIO(raw))
    modality = str(data.get("Modality", "none"))
    if modality not in modalities:
        allowed = ", ".join(modalities)
        sentence = f"the image's modality is {modality[:16]!r}; allowed are {allowed}"
        return reasons.ATTACHMENT_WRONG_KIND, sentence
    if finding := limits.finding(int(data.Columns), int(data.Rows)):
        return finding
    frames, samples = int(data.get("NumberOfFrames", 1) or 1), int(data.get("SamplesPerPixel", 1))
    if (frames, samples) != (1, 1):
        sentence = f"the file has {frames} frames of {samples} samples; one grey image is allowed"
        return reasons.ATTACHMENT_WRONG_KIND, sentence
    levels = data.pixel_array.astype(np.float64)
    bits = int(data.BitsStored)
    if int(data.get("PixelRepresentation", 0)):
        levels += 2.0 ** (bits - 1)
    most = 2.0**bits - 1.0
    levels = np.clip(levels, 0.0, most)
    if data.PhotometricInterpretation == "MONOCHROME1":  # 0 is white
        levels = most - levels
    depth = np.uint8 if bits <= 8 else np.uint16
    full = 255.0 if bits <= 8 else float(_DEEP)
    return Grey(np.rint(levels * (full / most)).astype(depth))


def _broken(sentence: str) -> Finding:
    text = "".join(c if c.isprintable() else "?" for c in " ".join(sentence.split()))
    return reasons.ATTACHMENT_BROKEN, text[:300]
