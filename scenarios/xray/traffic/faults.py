"""Images made to be refused: what devices, archives and people send by mistake or on purpose."""

import struct
import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from features.events import reasons
from scenarios.xray.traffic.picture_files import (
    DICOM,
    JPEG,
    PNG,
    Levels,
    data_url,
    dicom_file,
    file_of,
    url_of,
)

_BOMB_SIDE = 30_000
_TINY_SIDE = 12


@dataclass(frozen=True)
class Fault:
    """One way to spoil an image: the field's string for an X-ray, and why it is refused."""

    reason: str
    spoilt: Callable[[Levels], str]


def _broken(levels: Levels) -> str:
    raw = file_of(levels, PNG)
    return url_of(raw[: len(raw) // 2], PNG)


def _bomb(levels: Levels) -> str:
    """A PNG of a few bytes that claims 900 million pixels."""

    def chunk(kind: bytes, body: bytes) -> bytes:
        return (
            struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
        )

    head = struct.pack(">IIBBBBB", _BOMB_SIDE, _BOMB_SIDE, 8, 0, 0, 0, 0)
    rows = zlib.compress(bytes(1_000_000), 9)
    raw = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", rows) + chunk(b"IEND", b"")
    return url_of(raw, PNG)


def _blank(levels: Levels) -> str:
    return data_url(np.full_like(levels, 128))


def _inverted(levels: Levels) -> str:
    return data_url(255 - levels)


def _photograph(levels: Levels) -> str:
    """In colour, as a telephone takes one of a light box."""
    return data_url(np.stack([levels, levels // 2, 255 - levels], axis=-1), JPEG)


def _tiny(levels: Levels) -> str:
    return data_url(np.ascontiguousarray(levels[:_TINY_SIDE, :_TINY_SIDE]))


def _computed_tomography(levels: Levels) -> str:
    return url_of(dicom_file(levels, modality="CT"), DICOM)


def _cut_text(levels: Levels) -> str:
    url = data_url(levels)
    cut = url[: len(url) * 2 // 3]
    # Base64 goes by fours: a length that is no multiple of four is no base64 whatever it says.
    return cut if (len(cut) - cut.index(",") - 1) % 4 == 1 else cut[: cut.index(",") + 1 + 101]


def _unknown_reference(levels: Levels) -> str:
    return "sha256:" + "0" * 64


FAULTS: Mapping[str, Fault] = {
    "broken": Fault(reasons.ATTACHMENT_BROKEN, _broken),
    "bomb": Fault(reasons.ATTACHMENT_TOO_LARGE, _bomb),
    "blank": Fault(reasons.ATTACHMENT_BLANK, _blank),
    "inverted": Fault(reasons.ATTACHMENT_INVERTED, _inverted),
    "photograph": Fault(reasons.ATTACHMENT_WRONG_KIND, _photograph),
    "tiny": Fault(reasons.ATTACHMENT_WRONG_SIZE, _tiny),
    "computed tomography": Fault(reasons.ATTACHMENT_WRONG_KIND, _computed_tomography),
    "cut text": Fault(reasons.ATTACHMENT_MALFORMED, _cut_text),
    "unknown reference": Fault(reasons.ATTACHMENT_MISSING, _unknown_reference),
}
