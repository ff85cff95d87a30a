"""A scenario's feature rows over its whole history, second entities included, without Spark."""

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from features.fold.history import fold_history, lookup_history
from scenarios.contract.loading import provided
from scenarios.contract.scenario import Scenario
from scenarios.simulation.labelled_history import LabelledHistory


class NoHistory(ValueError):
    """The scenario's source cannot give its history as columns."""

    exit_code = 2


def load_history(scenario: str, module: str, *, file: Path | None = None) -> LabelledHistory:
    """What `history_columns()` of the source beside the scenario's `module` gives.

    `file` replaces the scenario's own data file. Raises `NoHistory`.
    """
    name = f"{module.rpartition('.')[0]}.source"
    open_source = provided(name, "open_source")
    source: Any = None if open_source is None else open_source(file, None)
    if not hasattr(source, "history_columns"):
        raise NoHistory(
            f"scenario {scenario!r} cannot be evaluated over its history: {name} has no "
            "open_source(...).history_columns()"
        )
    history: LabelledHistory = source.history_columns()
    return history


def history_features(scenario: Scenario, history: LabelledHistory) -> npt.NDArray[np.float64]:
    """The columns `scenario.feature_names` right after each event, float64 (n, k).

    Second entities are read as of the time that the event's own features refer to, and know
    everything dated by then: what a stream says when nothing is late.
    """
    folded = fold_history(scenario.plan, history.events)
    parts = [folded.features]
    for entity in scenario.second_entities:
        second_history = history.second[entity.name]
        parts.append(
            lookup_history(
                entity.plan,
                second_history.events,
                asked_codes=second_history.asked_codes,
                asked_ms=folded.as_of_ms,
            )
        )
    return np.concatenate(parts, axis=1)
