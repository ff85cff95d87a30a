"""A second scenario, declared without touching the engine: machines that may fail."""

from typing import Any

from features.definitions import Count, DecayedSum, LastValue, Max, Mean, Min, Sum
from features.schema import Category, EventSchema, EventType, Number
from models.training.recipes import calibrated_trees
from scenarios.contract.judging.condition import Condition
from scenarios.contract.policy import Band, Policy, Rule
from scenarios.contract.scenario import Label, Scenario

TEMPERATURE = Number(name="temperature_c", unit="°C", minimum=-50, maximum=300)
MODE = Category(name="mode", values=("idle", "normal", "boost"))
PARTS = Number(name="parts", unit="parts", minimum=0, maximum=20, integer=True)

SCHEMA = EventSchema(
    entity_field="machine",
    types=(
        EventType(name="reading", meaning="a sensor reading", fields=(TEMPERATURE, MODE)),
        EventType(name="repair", meaning="a repair", fields=(PARTS,)),
    ),
)
READINGS = ("reading",)
FEATURES = (
    LastValue(name="temperature_c", on=READINGS, field="temperature_c", words="{value:.0f} °C"),
    LastValue(name="mode", on=READINGS, field="mode", words="runs in mode {value}"),
    Count(name="readings", on=READINGS),
    Mean(name="temperature_mean", on=READINGS, field="temperature_c"),
    Min(name="temperature_min", on=READINGS, field="temperature_c"),
    Max(name="temperature_max", on=READINGS, field="temperature_c"),
    DecayedSum(name="heat", on=READINGS, field="temperature_c", half_life_days=0.01),
    Sum(name="parts", on=("repair",), field="parts"),
)


def estimator(seed: int) -> Any:
    """Untrained trees for the columns of `FEATURES`."""
    return calibrated_trees(seed)


SCENARIO = Scenario(
    name="tiny",
    title="Machines about to fail",
    schema=SCHEMA,
    features=FEATURES,
    label=Label(
        schema=EventSchema(
            entity_field="machine",
            types=(
                EventType(
                    name="outcome",
                    meaning="failed or not",
                    fields=(Category(name="outcome", values=("fine", "failed")),),
                ),
            ),
        ),
        event_type="outcome",
        field="outcome",
        positive="failed",
        maturity_days=0,
    ),
    policy=Policy(
        bands=(
            Band(name="ok", lowest_score=0.0),
            Band(name="hot", lowest_score=0.5, explained=True),
        ),
        rules=(
            Rule(
                action="stop at once",
                bands=("hot",),
                when=(Condition(feature="temperature_c", at_least=100.0),),
                review=True,
            ),
            Rule(action="inspect", bands=("hot",)),
            Rule(action="none", bands=("ok",)),
        ),
        valid_days=1,
    ),
    estimator=estimator,
    required_feature="temperature_c",
)
