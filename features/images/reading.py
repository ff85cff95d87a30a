"""One image field of an event: from its string to figures, or the reason why not.

The first fault counts: the string has one of the two forms (`attachment_malformed`); a reference is
in the store (`attachment_missing`); the file has at most `max_bytes`, and its pixels are as many
as allowed (`attachment_too_large`), which is known before they are unpacked; the sides are long
enough and not too long (`attachment_wrong_size`); it can be read whole and is what it says
(`attachment_broken`); it is one grey image of the modality (`attachment_wrong_kind`); it shows
something (`attachment_blank`); it looks like others of its kind (`attachment_wrong_kind`) and is no
negative of one (`attachment_inverted`).
"""

import base64
import binascii
import math

from features.attachments import REFERENCE, AttachmentSource, Content, Reading, digest_in
from features.events import reasons
from features.events.rules import Finding
from features.images.image import Image
from features.images.pixels import MEDIA_TYPES, PNG, Grey, grey_image
from features.images.quality import quality

_MARKER = ";base64,"
_SHOWN = 60


class ImageReader:
    """Reads the image field `image`; one per worker, for it holds the network."""

    def __init__(self, image: Image, source: AttachmentSource) -> None:
        self._image, self._source = image, source
        self._session = image.network.session()

    def read(self, text: str) -> Reading | Finding:
        """The image in the field's string, or a reason code and a sentence."""
        if text.startswith(REFERENCE):
            return self._stored(text)
        media_type, found, _ = text[:_SHOWN].partition(_MARKER)
        media_type = media_type.removeprefix("data:")
        if not found or not text.startswith("data:") or media_type not in MEDIA_TYPES:
            shown = ascii(text[:_SHOWN])
            sentence = f"field {self._image.name!r} begins {shown}; expected {self._expected}"
            return reasons.ATTACHMENT_MALFORMED, sentence
        content = text[len("data:") + len(media_type) + len(_MARKER) :]
        if finding := self._too_large(len(content) * 3 // 4 - 2):
            return finding
        try:
            raw = base64.b64decode(content, validate=True)
        except (binascii.Error, ValueError) as error:
            return reasons.ATTACHMENT_MALFORMED, f"the image is no base64: {error}"
        return self._read(raw, media_type)

    def content_of(self, raw: bytes, media_type: str) -> Content | Finding:
        """What is stored of the file `raw`, or a reason code and a sentence."""
        if media_type not in MEDIA_TYPES:
            sentence = f"media type {media_type[:_SHOWN]!r}; allowed are {', '.join(MEDIA_TYPES)}"
            return reasons.ATTACHMENT_MALFORMED, sentence
        reading = self._read(raw, media_type)
        return reading if isinstance(reading, tuple) else reading.content

    def shown(self, text: str) -> bytes | None:
        """The image in the field's string as PNG, also a blank or an inverted one.

        None where nothing can be read as an image, or not without unpacking too much.
        """
        if (digest := digest_in(text)) is not None:
            return self._source.contents([digest]).get(digest)
        head, _, content = text.partition(_MARKER)
        media_type = head.removeprefix("data:")
        if media_type not in MEDIA_TYPES or len(content) * 3 // 4 - 2 > self._image.max_bytes:
            return None
        try:
            grey = self._grey(base64.b64decode(content, validate=True), media_type)
        except (binascii.Error, ValueError):
            return None
        return None if isinstance(grey, tuple) else grey.png()

    @property
    def _expected(self) -> str:
        return self._image.expectation

    def _stored(self, text: str) -> Reading | Finding:
        digest = digest_in(text)
        if digest is None:
            sentence = f"{text[:_SHOWN]!a} is no reference: {REFERENCE} and 64 hex digits"
            return reasons.ATTACHMENT_MALFORMED, sentence
        stored = self._source.contents([digest]).get(digest)
        if stored is None:
            return reasons.ATTACHMENT_MISSING, f"the store has no image {digest}"
        grey = self._grey(stored, PNG)
        if isinstance(grey, tuple):
            return grey
        if grey.digest != digest:
            return reasons.ATTACHMENT_BROKEN, f"the stored image {digest} has other pixels"
        return self._reading(grey, is_new=False)

    def _read(self, raw: bytes, media_type: str) -> Reading | Finding:
        grey = self._too_large(len(raw)) or self._grey(raw, media_type)
        return grey if isinstance(grey, tuple) else self._reading(grey, is_new=True)

    def _too_large(self, size: int) -> Finding | None:
        if size <= self._image.max_bytes:
            return None
        sentence = f"the image has {size:,} bytes; allowed are {self._image.max_bytes:,}"
        return reasons.ATTACHMENT_TOO_LARGE, sentence

    def _grey(self, raw: bytes, media_type: str) -> Grey | Finding:
        image = self._image
        return grey_image(raw, media_type, limits=image.limits, modalities=image.modalities)

    def _reading(self, grey: Grey, *, is_new: bool) -> Reading | Finding:
        image = self._image
        numbers = quality(grey.unit)
        contrast = numbers[3]
        if contrast < image.least_contrast:
            sentence = f"the image is blank: contrast {contrast:.4f}, at least "
            return reasons.ATTACHMENT_BLANK, f"{sentence}{image.least_contrast} is needed"
        pixels = grey.resized(image.network.side)
        if image.likeness is not None:
            correlation = image.likeness.correlation(pixels)
            least = image.likeness.least
            if correlation <= -least:
                sentence = "the image is inverted: its correlation with the mean image of its kind"
                return reasons.ATTACHMENT_INVERTED, f"{sentence} is {correlation:.2f}"
            if correlation < least:
                sentence = f"correlation with the mean image of its kind {correlation:.2f}"
                return reasons.ATTACHMENT_WRONG_KIND, f"{sentence}, at least {least} is needed"
        numbers += self._session.figures(pixels)
        if not all(map(math.isfinite, numbers)):
            return reasons.ATTACHMENT_BROKEN, "the network gives no finite numbers for the image"
        return Reading(tuple(numbers), Content(grey.digest, grey.png(), PNG), is_new)
