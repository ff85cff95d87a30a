"""A scenario with images, declared without touching the engine: leaves that may be sick."""

from typing import Any

from features.definitions import Count
from features.images.image import Image, figure
from features.images.network import Network, Output
from features.images.pixels import Limits
from features.schema import Category, EventSchema, EventType, Number
from models.training.recipes import calibrated_trees
from scenarios.contract.judging.condition import Condition
from scenarios.contract.judging.second_stage import SecondStage
from scenarios.contract.policy import Band, Policy, Rule
from scenarios.contract.scenario import Label, Scenario

NETWORK = Network(
    package="tests.scenarios",
    file="tiny_network.onnx",  # python -m tests.support.image_network writes it
    side=16,
    outputs=(Output("embedding", 2), Output("score")),
    maps="maps",
    embedding="embedding",
)
LEAF = Image(
    name="leaf", network=NETWORK, max_bytes=100_000, limits=Limits(least_side=8, most_side=512)
)
NUMBER = Number(name="number", unit="", minimum=0, maximum=2**53 - 1, integer=True)
SCHEMA = EventSchema(
    entity_field="plant",
    types=(EventType(name="picture", meaning="a leaf's picture", fields=(NUMBER, LEAF)),),
)
PICTURES = ("picture",)
STAGE = SecondStage(
    name="cause",
    feature="score",  # of the tiny network: how much brighter the upper half is
    bands=("sick",),
    positive="fungus",
    negative="insects",
    least_certain=0.55,
)


def estimator(seed: int) -> Any:
    """Untrained trees for the scenario's feature row."""
    return calibrated_trees(seed)


SCENARIO = Scenario(
    name="leaves",
    title="Leaves that may be sick",
    schema=SCHEMA,
    features=(
        Count(name="pictures", on=PICTURES),
        figure(LEAF, "brightness", on=PICTURES, words="brightness {value:.2f}"),
        figure(LEAF, "contrast", on=PICTURES),
        figure(LEAF, "embedding_0", on=PICTURES),
        figure(LEAF, "embedding_1", on=PICTURES),
        figure(LEAF, "score", on=PICTURES),
    ),
    label=Label(
        schema=EventSchema(
            entity_field="plant",
            types=(
                EventType(
                    name="finding",
                    meaning="what the gardener found",
                    fields=(NUMBER, Category(name="finding", values=("well", "sick"))),
                ),
            ),
        ),
        event_type="finding",
        field="finding",
        positive="sick",
        maturity_days=0,
        of_event=("picture", "number"),
    ),
    policy=Policy(
        bands=(
            Band(name="well", lowest_score=0.0),
            Band(name="sick", lowest_score=0.5, explained=True),
        ),
        rules=(
            Rule(
                action="look at once",
                bands=("sick",),
                when=(Condition(feature="contrast", below=0.1),),
                review=True,
            ),
            Rule(action="spray", bands=("sick",), when=(STAGE.condition("fungus"),)),
            Rule(action="look", bands=("sick",)),
            Rule(action="none", bands=("well",)),
        ),
        valid_days=1,
        second_stage=STAGE,
    ),
    estimator=estimator,
    required_feature="score",
)
