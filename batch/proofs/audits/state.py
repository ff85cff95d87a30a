"""States and features in words that a reader understands."""

import math
from collections.abc import Sequence

import numpy as np

from batch.proofs.audits.facts import FeatureFact, Shown, SlotFact
from batch.proofs.audits.replay import Replayed
from batch.proofs.recompute.bits import compared
from batch.proofs.recompute.logged import LoggedPrediction, as_floats
from features.definitions import DaysSince
from scenarios.contract.readable_columns import categories
from scenarios.contract.scenario import Scenario
from stores.hbase.predictions import utc

_AS_OF = ".as_of_ms"  # the slot that holds the time a decayed sum refers to


def slot_facts(scenario: Scenario, again: Replayed | None) -> list[SlotFact]:
    """The state around the event, slot by slot; empty when it was not folded again."""
    if again is None:
        return []
    names = categories(scenario)
    times = {feature.name for feature in scenario.features if isinstance(feature, DaysSince)}
    facts = []
    for column, slot in enumerate(scenario.plan.slots):
        before, after = float(again.before[column]), float(again.after[column])
        is_time = slot.name in times or slot.name.endswith(_AS_OF)
        category_names = names.get(slot.name, ())
        facts.append(
            SlotFact(
                name=slot.name.replace(_AS_OF, " as of"),
                before=_shown(before, category_names, is_time=is_time),
                after=_shown(after, category_names, is_time=is_time),
                changed=before != after and not (math.isnan(before) and math.isnan(after)),
            )
        )
    return facts


def feature_facts(
    scenario: Scenario, names: Sequence[str], prediction: LoggedPrediction, again: Replayed | None
) -> list[FeatureFact]:
    """Every feature with its logged and its recomputed value; `names` name the logged values."""
    logged = as_floats(prediction.features)
    own_count = len(scenario.plan.feature_names)
    if again is None or again.features is None or len(logged) != len(scenario.feature_names):
        return [
            FeatureFact(
                name=name,
                words=words_of(scenario, name, value),
                logged=_or_none(value),
                recomputed=None,
                equal=None,
            )
            for name, value in zip(names, logged, strict=False)
        ]
    equal = compared(np.array(logged[:own_count]), again.features).equal.tolist()
    looked_up = [
        FeatureFact(
            name=name,
            words=f"{words_of(scenario, name, value)} (read from a second entity)",
            logged=_or_none(value),
            recomputed=None,
            equal=None,
        )
        for name, value in zip(names[own_count:], logged[own_count:], strict=True)
    ]
    return [
        FeatureFact(
            name=name,
            words=words_of(scenario, name, value),
            logged=_or_none(value),
            recomputed=_or_none(again_value),
            equal=same,
        )
        for name, value, again_value, same in zip(
            names[:own_count], logged[:own_count], again.features.tolist(), equal, strict=True
        )
    ] + looked_up


def words_of(scenario: Scenario, name: str, value: float) -> str:
    """The feature in business words, for example "contract is Two year"."""
    definition = next((feature for feature in scenario.features if feature.name == name), None)
    plain = name.replace("_", " ")
    if math.isnan(value):
        return f"{plain}: not known"
    shown = _shown(value, categories(scenario).get(name, ()), is_time=False)
    words = (
        definition.words if definition is not None and definition.words else f"{plain} is {{value}}"
    )
    return words.format(value=shown)


def _or_none(value: float) -> float | None:
    return None if math.isnan(value) else value


def _shown(value: float, category_names: Sequence[str], *, is_time: bool) -> Shown:
    if math.isnan(value):
        return None
    if category_names:
        return category_names[int(value)] if 0 <= value < len(category_names) else f"code {value:g}"
    return utc(int(value)).isoformat(timespec="milliseconds") if is_time else value
