"""What the model on top of the network knows of a study, with the words that explain it.

How many studies a patient has, and when, is not among them: in the data that tells a lot about
who is ill, for ill children were X-rayed several times far more often than healthy ones.
"""

from features.definitions import Feature
from features.images.image import figure
from scenarios.xray.events import EMBEDDING_SIZE, IMAGE

_STUDIES = ("study",)

# Used by the model; the rest is logged, watched for drift and used by rules.
MODEL_FEATURES = ("pneumonia", "novelty")
QUALITY = ("brightness", "contrast", "sharpness", "entropy", "clipped_share")
EMBEDDING = tuple(f"embedding_{number:02d}" for number in range(EMBEDDING_SIZE))


def _figure(name: str, words: str = "") -> Feature:
    return figure(IMAGE, name, on=_STUDIES, words=words)


FEATURES: tuple[Feature, ...] = (
    _figure("pneumonia", "the network's evidence for pneumonia is {value:+.1f} (log-odds)"),
    _figure("bacterial", "the network's evidence for bacteria, not viruses, is {value:+.1f}"),
    _figure("novelty", "unlike the images the network knows: {value:.2f} (1 is the limit)"),
    _figure("brightness", "brightness is {value:.2f}"),
    _figure("contrast", "contrast is {value:.2f}"),
    _figure("sharpness", "sharpness is {value:.4f}"),
    _figure("entropy", "the grey levels hold {value:.1f} bits"),
    _figure("clipped_share", "{value:.0%} of the image is pure black or white"),
    *(_figure(name) for name in EMBEDDING),
)
