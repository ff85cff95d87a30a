"""What a study and its finding look like: fields, units and allowed values."""

from features.images.image import Image
from features.images.likeness import Likeness
from features.images.network import Network, Output
from features.schema import Category, EventSchema, EventType, Number
from scenarios.xray.mean_image import MEAN_IMAGE

ENTITY_FIELD = "patient_id"

NORMAL, PNEUMONIA = "normal", "pneumonia"
FINDINGS = (NORMAL, PNEUMONIA)
BACTERIAL, VIRAL = "bacterial", "viral"
CAUSES = (BACTERIAL, VIRAL)

EMBEDDING_SIZE = 32

NETWORK = Network(
    package="scenarios.xray.network",
    file="network.onnx",
    side=64,
    outputs=(
        Output("embedding", EMBEDDING_SIZE),
        Output("pneumonia"),
        Output("bacterial"),
        Output("novelty"),
    ),
    maps="maps",
    embedding="embedding",
)
IMAGE = Image(
    name="image",
    network=NETWORK,
    # Written by `python -m scenarios.xray.mean_image`. Of the 5,216 X-rays none correlates with it
    # by less than 0.22; a negative has the same correlation below 0.
    likeness=Likeness(package="scenarios.xray", file=MEAN_IMAGE, least=0.1),
    modalities=("CR", "DX"),
)
# Up to here a whole number is exact as a float.
STUDY_ID = Number(name="study_id", unit="", minimum=0, maximum=float(2**53 - 1), integer=True)

SCHEMA = EventSchema(
    entity_field=ENTITY_FIELD,
    types=(
        EventType(
            name="study",
            meaning="a chest X-ray of the patient is taken, from the front",
            fields=(STUDY_ID, IMAGE),
        ),
    ),
)

LABEL_SCHEMA = EventSchema(
    entity_field=ENTITY_FIELD,
    types=(
        EventType(
            name="finding",
            meaning="what the physicians found a study to show",
            fields=(
                STUDY_ID,
                Category(name="finding", values=FINDINGS),
                Category(name="cause", values=CAUSES, required=False),
            ),
        ),
    ),
)
