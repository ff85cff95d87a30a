"""The declaration of an image field: what may be sent, and what is measured of it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property

from features.attachments import AttachmentExplainer, AttachmentReader, AttachmentSource
from features.definitions import LastValue
from features.images.likeness import Likeness
from features.images.network import Network
from features.images.pixels import MEDIA_TYPES, PNG, Limits
from features.images.quality import quality_numbers
from features.schema import Attachment, Number


@dataclass(frozen=True, kw_only=True)
class Image(Attachment):
    """A grey image: PNG, JPEG, DICOM, or a reference to one that is stored.

    Its figures are those of features/images/quality.py and the network's outputs, in this order,
    named "field.figure".

    network         what the image is put through
    likeness        what images of this kind look like on the whole; None: nobody checks
    modalities      of DICOM's codes those that are taken
    max_bytes       of the file, unpacked from its text
    least_contrast  standard deviation of the pixels; an image below it is blank
    """

    network: Network
    likeness: Likeness | None = None
    modalities: tuple[str, ...] = ("CR", "DX")
    max_bytes: int = 2 << 20
    limits: Limits = field(default_factory=Limits)
    least_contrast: float = 0.02

    @cached_property
    def figures(self) -> tuple[Number, ...]:
        """Declarations of all figures."""
        outputs = (name for output in self.network.outputs for name in output.figures)
        return (
            *quality_numbers(self.name),
            *(
                Number(name=f"{self.name}.{name}", unit="", minimum=-1e6, maximum=1e6)
                for name in outputs
            ),
        )

    @property
    def expectation(self) -> str:
        """The allowed contents as a phrase for messages."""
        kinds = ", ".join(MEDIA_TYPES)
        return f"'data:MEDIA;base64,...' with MEDIA one of {kinds}, or 'sha256:DIGEST'"

    @property
    def meaning(self) -> Mapping[str, object]:
        """What decides a figure."""
        return {
            "kind": "image",
            "network": self.network.digest,
            "outputs": [figure for output in self.network.outputs for figure in output.figures],
            "side": self.network.side,
            "likeness": None if self.likeness is None else self.likeness.digest,
            "limits": [self.limits.least_side, self.limits.most_side, self.limits.most_pixels],
            "least_contrast": self.least_contrast,
        }

    @property
    def media_types(self) -> tuple[str, ...]:
        """Of files that may be sent."""
        return MEDIA_TYPES

    @property
    def stored_as(self) -> str:
        """PNG, whatever file it came in."""
        return PNG

    def reader(self, source: AttachmentSource) -> AttachmentReader:
        """What reads the field."""
        from features.images.reading import ImageReader

        return ImageReader(self, source)

    def explainer(self) -> AttachmentExplainer | None:
        """Class activation maps; None for a network without maps."""
        from features.images.explaining import ImageExplainer

        return ImageExplainer(self) if self.network.maps else None


def figure(
    image: Image, name: str, *, on: tuple[str, ...], words: str = "", as_name: str = ""
) -> LastValue:
    """The feature `name` (a figure of `image`) of the latest event of the types `on`."""
    return LastValue(name=as_name or name, on=on, field=f"{image.name}.{name}", words=words)
