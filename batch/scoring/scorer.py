"""From stored states to scores and decisions, whole columns at a time."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from features.fold.readout import features_of_states, states_in
from features.fold.state import StateCodec, States
from models.fast.small_trees import QuickTrees, quick_trees
from models.scoring_model import ScoringModel
from scenarios.contract.judge import Flags, Floats, Judge, Judges, Verdicts
from scenarios.contract.scenario import Scenario, load_scenario

# 5 ms of each task to prove that its quick scores are the model's.
_CHECKED_ROWS = 1000


class NeedsEvents(RuntimeError):
    """The scenario's scores belong to events; stored states alone cannot be scored."""

    exit_code = 4


@dataclass(frozen=True)
class ScoredStates:
    """n entities that have the required feature.

    batch      their rows: entity, position, cell
    states     their states; features (n, k) and as_of_ms int64 (n,) as read out
    verdicts   on those that could be judged; the others are named in it
    """

    batch: pa.RecordBatch
    states: States
    features: Floats
    as_of_ms: npt.NDArray[np.int64]
    verdicts: Verdicts

    @property
    def entities(self) -> list[str]:
        """Their ids."""
        ids: list[str] = self.batch.column("entity").to_pylist()
        return ids

    @property
    def judged(self) -> "ScoredStates":
        """Those with a verdict alone."""
        rows = self.verdicts.rows
        if len(rows) == len(self.features):
            return self
        return ScoredStates(
            self.batch.take(pa.array(rows)),
            _rows_of(self.states, rows),
            self.features[rows],
            self.as_of_ms[rows],
            replace(self.verdicts, rows=np.arange(len(rows)), unscorable=()),
        )

    @property
    def unscorable(self) -> list[tuple[str, int, str]]:
        """Entity, position and cause of those without a verdict."""
        position = self.batch.column("position")
        return [
            (self.entities[case.row], position[case.row].as_py(), case.cause)
            for case in self.verdicts.unscorable
        ]


@dataclass(frozen=True, kw_only=True)
class StateScorer:
    """Scores states of a scenario with one model; travels to the workers with the model in it.

    The driver loads and checks the model once (0.7 s with its explainer); unpickled it takes 5 ms.
    at_ms: the time the features refer to, None for each state's own latest event time.
    thresholds: band → lowest score. is_plain: only by the model itself, never by `QuickTrees`.
    """

    scenario_name: str
    module: str
    model: ScoringModel
    thresholds: Mapping[str, float]
    at_ms: int | None = None
    is_plain: bool = False

    def without_reasons(self) -> "StateScorer":
        """The same without the explainer, which is two thirds of its bytes."""
        return replace(self, model=replace(self.model, explainer=None))

    def scored(self, batch: pa.RecordBatch) -> ScoredStates:
        """Rows of entity, position and cell; entities without the required feature are left out.

        Scores are those of `ScoringModel.scores`, to the bit; reasons are included unless this is
        `without_reasons`. Raises `DefinitionsChanged` when a state belongs to other feature
        definitions.
        """
        states = states_in(self._codec, batch.column("cell"))
        features, as_of_ms = features_of_states(self._codec.plan, states, at_ms=self.at_ms)
        is_scorable = self.judge.can_score(features)
        if not is_scorable.all():
            batch = batch.filter(pa.array(is_scorable))
            states, features, as_of_ms = (
                _rows_of(states, is_scorable),
                features[is_scorable],
                as_of_ms[is_scorable],
            )
        verdicts = self.judge.verdicts(
            batch.column("entity").to_pylist(),
            features,
            Judges(champion=replace(self.model, quick=self._quick), thresholds=self.thresholds),
            explains=self.model.explainer is not None,
        )
        return ScoredStates(batch, states, features, as_of_ms, verdicts)

    def check(self, scored_states: ScoredStates) -> None:
        """Raise `ScoresDiffer` unless the first scores are what the model itself gives."""
        if self._quick is not None:
            self._quick.check(scored_states.features[:_CHECKED_ROWS])

    @cached_property
    def scenario(self) -> Scenario:
        """The scenario, imported where this is."""
        return load_scenario(self.scenario_name, self.module)

    @cached_property
    def judge(self) -> Judge:
        """The scenario's judge."""
        return Judge(self.scenario)

    @cached_property
    def _quick(self) -> QuickTrees | None:
        return None if self.is_plain else quick_trees(self.model)

    @cached_property
    def _codec(self) -> StateCodec:
        return self.scenario.codec

    def __getstate__(self) -> dict[str, Any]:
        fields = self.__dataclass_fields__
        return {name: value for name, value in self.__dict__.items() if name in fields}


def _rows_of(states: States, rows: Flags | npt.NDArray[np.int64]) -> States:
    """The states at `rows`, without their buffers, which were read out before."""
    columns = {name: values for name, values in vars(states).items() if name != "buffers"}
    return States(**{name: values[rows] for name, values in columns.items()})


def check_state_tells_all(scenario: Scenario) -> None:
    """Raise `NeedsEvents` where a state alone does not say what the model needs."""
    if scenario.second_entities:
        names = [second_entity.name for second_entity in scenario.second_entities]
        raise NeedsEvents(
            f"scenario {scenario.name!r} scores events with features of {names}: a stored state "
            "does not say which one comes next, so states cannot be scored without events"
        )
