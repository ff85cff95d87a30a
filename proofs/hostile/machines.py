"""Machines whose readings are scored, with a policy that fails on one reading: for hostile records.

The fault is on purpose: a record can be valid and still meet code that raises. What the stream does
then is what `proofs.hostile` measures.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from features.definitions import Count, DecayedSum, LastValue, Mean, Sum
from features.schema import Category, EventSchema, EventType, Number
from models.training.recipes import TreeParameters, boosted_trees
from scenarios.contract.policy import Band, Decisions, Policy, Rule
from scenarios.contract.scenario import Label, Scenario

ENTITY_FIELD = "machine"
READINGS = ("reading",)
# The policy below raises on exactly this temperature.
UNJUDGED_TEMPERATURE_C = 66.625


class PolicyFault(ArithmeticError):
    """The policy met the one reading that it cannot judge."""


@dataclass(frozen=True, kw_only=True)
class FaultyPolicy(Policy):
    """A policy that raises on a batch with a reading of `UNJUDGED_TEMPERATURE_C`."""

    def decide(
        self,
        scores: npt.NDArray[np.float64],
        features: npt.NDArray[np.float64],
        *,
        feature_names: Sequence[str],
        thresholds: Mapping[str, float],
        is_control: npt.NDArray[np.bool_],
    ) -> Decisions:
        """As `Policy.decide`; raises `PolicyFault`."""
        temperatures = features[:, feature_names.index("temperature_c")]
        if (temperatures == UNJUDGED_TEMPERATURE_C).any():
            raise PolicyFault(f"no rule for {UNJUDGED_TEMPERATURE_C} °C")
        return super().decide(
            scores,
            features,
            feature_names=feature_names,
            thresholds=thresholds,
            is_control=is_control,
        )


def estimator(seed: int) -> Any:
    """Untrained gradient boosting of 50 small trees."""
    return boosted_trees(seed, parameters=TreeParameters(trees=50))


SCENARIO = Scenario(
    name="machines",
    title="Machines about to fail",
    schema=EventSchema(
        entity_field=ENTITY_FIELD,
        types=(
            EventType(
                name="reading",
                meaning="a sensor reading",
                fields=(
                    Number(name="temperature_c", unit="°C", minimum=-50, maximum=300),
                    Category(name="mode", values=("idle", "normal", "boost")),
                ),
            ),
            EventType(
                name="repair",
                meaning="a repair",
                fields=(Number(name="parts", unit="parts", minimum=0, maximum=20, integer=True),),
            ),
        ),
    ),
    features=(
        LastValue(name="temperature_c", on=READINGS, field="temperature_c", words="{value:.0f} °C"),
        LastValue(name="mode", on=READINGS, field="mode", words="runs in mode {value}"),
        Count(name="readings", on=READINGS),
        Mean(name="temperature_mean", on=READINGS, field="temperature_c"),
        DecayedSum(name="heat", on=READINGS, field="temperature_c", half_life_days=0.01),
        Sum(name="parts", on=("repair",), field="parts"),
    ),
    label=Label(
        schema=EventSchema(
            entity_field=ENTITY_FIELD,
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
    policy=FaultyPolicy(
        bands=(
            Band(name="ok", lowest_score=0.0),
            Band(name="hot", lowest_score=0.5, explained=True),
        ),
        rules=(
            Rule(action="inspect", bands=("hot",), review=True),
            Rule(action="none", bands=("ok",)),
        ),
        valid_days=1,
    ),
    estimator=estimator,
    required_feature="temperature_c",
)
