"""An image in an event becomes figures, or is refused with its reason; other events are not."""

import json
import struct
import zlib
from collections.abc import Iterable, Mapping

import numpy as np
import pytest

from features.attachments import Reading
from features.events import reasons
from features.events.decode import EventDecoder, Events, Records
from features.images.image import Image
from features.images.likeness import Likeness
from features.images.reading import ImageReader
from tests.scenarios.leaves import LEAF, SCENARIO
from tests.support.image_network import tiny_network
from tests.support.pictures import data_url, dicom_of, file_of, levels

NOW_MS = 1_780_000_000_000


class Stored(dict[str, bytes]):
    def contents(self, digests: Iterable[str]) -> Mapping[str, bytes]:
        return {digest: self[digest] for digest in digests if digest in self}


def read(text: str, image: Image = LEAF, stored: Stored | None = None) -> Reading:
    reading = ImageReader(image, stored or Stored()).read(text)
    assert isinstance(reading, Reading), reading
    return reading


def refusal(text: str, image: Image = LEAF) -> tuple[str, str]:
    finding = ImageReader(image, Stored()).read(text)
    assert not isinstance(finding, Reading)
    return finding


def bomb(side: int) -> bytes:
    def chunk(kind: bytes, content: bytes) -> bytes:
        check = struct.pack(">I", zlib.crc32(kind + content))
        return struct.pack(">I", len(content)) + kind + content + check

    head = struct.pack(">IIBBBBB", side, side, 8, 0, 0, 0, 0)
    body = zlib.compress(bytes(1_000_000), 9)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", body) + chunk(b"IEND", b"")


COLOUR = np.dstack([levels(), levels(seed=1), levels(seed=2)])
PNG = file_of(levels())
FAULTS = {
    "no data": ("hello", reasons.ATTACHMENT_MALFORMED, "expected 'data:MEDIA"),
    "another media type": (data_url(PNG, "image/gif"), reasons.ATTACHMENT_MALFORMED, "image/gif"),
    "no base64": ("data:image/png;base64,?", reasons.ATTACHMENT_MALFORMED, "base64"),
    "not ASCII": ("data:image/png;base64,é", reasons.ATTACHMENT_MALFORMED, "base64"),
    "half a reference": ("sha256:ab", reasons.ATTACHMENT_MALFORMED, "64 hex digits"),
    "unknown": ("sha256:" + "a" * 64, reasons.ATTACHMENT_MISSING, "a" * 64),
    "too many bytes": (data_url(bytes(200_000)), reasons.ATTACHMENT_TOO_LARGE, "100,000"),
    "a bomb": (data_url(bomb(60_000)), reasons.ATTACHMENT_TOO_LARGE, "unpacks to too much"),
    "a small bomb": (data_url(bomb(5_000)), reasons.ATTACHMENT_TOO_LARGE, "5,000 x 5,000"),
    "small": (data_url(file_of(levels(6))), reasons.ATTACHMENT_WRONG_SIZE, "6 x 6"),
    "long": (
        data_url(file_of(np.tile(levels(16), (1, 40)))),
        reasons.ATTACHMENT_WRONG_SIZE,
        "640 x 16",
    ),
    "another file": (data_url(PNG, "image/jpeg"), reasons.ATTACHMENT_BROKEN, "not image/jpeg"),
    "half": (data_url(PNG[: len(PNG) // 2]), reasons.ATTACHMENT_BROKEN, "cannot be read"),
    "changed": (
        data_url(PNG[:60] + bytes([PNG[60] ^ 255]) + PNG[61:]),
        reasons.ATTACHMENT_BROKEN,
        "cannot be read",
    ),
    "no image": (data_url(b"\x89PNG\r\n\x1a\n" + b"x" * 99), reasons.ATTACHMENT_BROKEN, "read"),
    "colour": (data_url(file_of(COLOUR)), reasons.ATTACHMENT_WRONG_KIND, "in colour"),
    "a scan of the head": (
        data_url(dicom_of(levels(), modality="CT"), "application/dicom"),
        reasons.ATTACHMENT_WRONG_KIND,
        "'CT'; allowed are CR, DX",
    ),
    "broken DICOM": (
        data_url(dicom_of(levels())[:-40], "application/dicom"),
        reasons.ATTACHMENT_BROKEN,
        "cannot be read",
    ),
    "blank": (
        data_url(file_of(np.full((16, 16), 9, np.uint8))),
        reasons.ATTACHMENT_BLANK,
        "0.0000",
    ),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_bad_image_is_refused_with_its_reason(fault: str) -> None:
    text, code, words = FAULTS[fault]
    found, sentence = refusal(text)
    assert (found, words in sentence) == (code, True), sentence


def test_one_picture_in_three_kinds_of_file_is_one_content_with_equal_figures() -> None:
    picture = levels()
    png = read(data_url(file_of(picture)))
    for deep in (dicom_of(picture), dicom_of(255 - picture, is_inverted=True)):
        again = read(data_url(deep, "application/dicom"))
        assert again == png
    assert png.is_new
    assert len(png.figures) == len(LEAF.figures)
    jpeg = read(data_url(file_of(picture, "JPEG"), "image/jpeg"))
    assert jpeg.content.digest != png.content.digest  # JPEG changes pixels


def test_figures_are_those_of_the_pixels_and_of_the_network() -> None:
    picture = levels()
    figures = dict(zip((f.name for f in LEAF.figures), read(data_url(PNG)).figures, strict=True))
    unit = picture / 255
    assert (figures["leaf.width"], figures["leaf.height"]) == (16, 16)
    assert figures["leaf.brightness"] == pytest.approx(unit.mean())
    assert figures["leaf.contrast"] == pytest.approx(unit.std())
    assert figures["leaf.embedding_0"] == pytest.approx(unit[:8].mean(), rel=1e-6)
    assert figures["leaf.score"] == pytest.approx(unit[:8].mean() - unit[8:].mean(), rel=1e-5)


def test_what_is_stored_identifies_nobody() -> None:
    raw = dicom_of(levels(), patient="Roe^Richard")
    content = read(data_url(raw, "application/dicom")).content
    assert b"Roe" in raw
    assert b"Roe" not in content.stored
    assert b"4711" not in content.stored


def test_a_reference_gives_the_figures_of_the_image_itself_to_the_bit() -> None:
    for picture in (levels(), levels(31, seed=3), levels().astype(np.uint16) * 200):
        raw = file_of(picture)
        new = read(data_url(raw))
        stored = Stored({new.content.digest: new.content.stored})
        again = read(new.content.reference, stored=stored)
        assert (again.figures, again.content, again.is_new) == (new.figures, new.content, False)


def test_a_stored_image_with_other_pixels_is_refused() -> None:
    new = read(data_url(PNG))
    stored = Stored({new.content.digest: file_of(levels(seed=9))})
    finding = ImageReader(LEAF, stored).read(new.content.reference)
    assert not isinstance(finding, Reading)
    assert finding[0] == reasons.ATTACHMENT_BROKEN


class MeanLeaf(Likeness):
    @property
    def content(self) -> bytes:
        halves = np.zeros((16, 16), np.uint8)
        halves[:8] = 255
        return file_of(halves)


def test_an_inverted_image_and_one_of_something_else_are_told_apart() -> None:
    likeness = MeanLeaf(package="", file="", least=0.2)
    image = Image(name="leaf", network=LEAF.network, likeness=likeness, limits=LEAF.limits)
    assert read(data_url(PNG), image).is_new
    code, _ = refusal(data_url(file_of(255 - levels())), image)
    assert code == reasons.ATTACHMENT_INVERTED
    code, _ = refusal(data_url(file_of(levels().T.copy())), image)
    assert code == reasons.ATTACHMENT_WRONG_KIND


def event(plant: str, text: str) -> bytes:
    when = "2026-05-01T00:00:00Z"
    fields = {"type": "picture", "plant": plant, "event_time": when, "number": 1, "leaf": text}
    return json.dumps(fields).encode()


def decoded(*texts: str) -> Events:
    decoder = EventDecoder(SCENARIO.schema, max_event_bytes=1 << 20, max_future_skew_seconds=300)
    count = len(texts)
    values = [event("a", text) for text in texts]
    return decoder.decode(Records([b"a"] * count, values, np.arange(count), np.full(count, NOW_MS)))


def test_a_bad_image_between_good_ones_leaves_them_alone() -> None:
    events = decoded(data_url(PNG), data_url(PNG[:90]), data_url(file_of(levels(seed=4))))
    assert events.rows.tolist() == [0, 2]
    assert [(bad.row, bad.code) for bad in events.refusals] == [(1, reasons.ATTACHMENT_BROKEN)]
    assert [attached.row for attached in events.attached] == [0, 2]
    assert not np.isnan(events.values).any()
    rest = events.between(1, 3)
    assert [attached.row for attached in rest.attached] == [1]


def test_another_network_means_other_features() -> None:
    assert LEAF.network.content == tiny_network()
    assert LEAF.meaning["network"] == LEAF.network.digest
    assert SCENARIO.plan.digest
