"""Score now: events and feature rows of one request, by the decoder, fold and judge of the stream.

Nothing of it is stored or published.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from threading import Lock
from typing import Any

import numpy as np
import numpy.typing as npt

from features.attachments import AttachmentSource
from features.events.decode import EventDecoder
from features.events.reasons import UNSCORABLE
from features.events.rules import MAX_ENTITY_BYTES
from features.fold.fold import Folded, distinct, fold_batch
from features.fold.readout import features_of_states
from features.fold.state import States
from features.fold.state_errors import DefinitionsChanged, StateFormatError
from models.scoring_model import ScoringModel
from scenarios.contract.judge import Judge, Judges
from scenarios.contract.scenario import Scenario
from serving.scoring.errors import EntityMissing
from serving.scoring.event_documents import completed_event, decoded_events
from serving.scoring.feature_rows import FeatureRows
from serving.scoring.stored_states import States as StatesNow
from serving.scoring.stored_states import StoredStates
from serving.scoring.verdicts import Judged, Unjudged, Verdict, verdict_list
from serving.scoring.versions import Versions
from stores.hbase.predictions import Model
from streaming.messages.documents import suppressed_because
from streaming.passes.states_below import unreadable
from streaming.scoring.models_in_use import InUse
from streaming.scoring.second_entities import case_features

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class _Cases:
    """n cases of one entity; features (n, k); as_of_ms int64 (n,)."""

    features: Floats
    as_of_ms: npt.NDArray[np.int64]


class ScoreNow:
    """Judges the cases of one scenario on request; for many threads.

    Threads take turns at the judge: explainers are not made for several at once, and one case
    takes less than a thread's switch.
    """

    def __init__(
        self,
        scenario: Scenario,
        versions: Versions,
        states: StatesNow,
        *,
        max_event_bytes: int,
        max_future_skew_seconds: float,
        attachments: AttachmentSource | None = None,
    ) -> None:
        """attachments: where contents that events only refer to are read from"""
        self.scenario, self.versions = scenario, versions
        self.rows = FeatureRows(scenario)
        self._states = states
        self._judge, self._turn = Judge(scenario), Lock()
        self._decoder = EventDecoder(
            scenario.schema,
            max_event_bytes=max_event_bytes,
            max_future_skew_seconds=max_future_skew_seconds,
            attachments=attachments,
        )

    def what_if(
        self, entity: str, events: Sequence[Mapping[str, Any] | bytes], now_ms: int
    ) -> list[Verdict]:
        """The verdicts of `judged`, without the events that have none."""
        return self.judged(entity, events, now_ms).verdicts

    def judged(
        self, entity: str, events: Sequence[Mapping[str, Any] | bytes], now_ms: int
    ) -> Judged:
        """What the stream would say after each of `events`, if they arrived now, in this order.

        They are folded onto the state that HBase has now. An event names its type and fields;
        where it leaves them out, it is about `entity` and happens now (`now_ms`, UTC epoch ms).
        Without events the state is judged as it is. Raises `EventsRefused` with the reasons that
        dead letters would have; `EntityMissing` without events and state; `NoModel`, `StoreDown`,
        `TableMissing`, and `StateUnreadable` for states of other definitions.
        """
        use = self.versions.current()
        cases = self._folded(entity, events, now_ms) if events else self._stored(entity)
        return self._verdicts(cases, entity, use, now_ms)

    def of_features(
        self, names: Sequence[str], matrix: Floats, now_ms: int, *, version: str | None = None
    ) -> Judged:
        """Verdicts on feature rows (n, m) with the columns `names`; NaN is a missing value.

        The rows belong to no entity: none is in the control group or a challenger's share, and
        `version`, else the champion, judges all. Raises `FeaturesRefused` and what
        `Versions.of` raises.
        """
        chosen = self.versions.of(version)
        rows = self.rows.arranged(names, matrix, chosen.model.card.feature_names)
        nobody = np.zeros(len(rows), dtype=np.bool_)
        judges = Judges(champion=chosen.model, thresholds=chosen.thresholds)
        return self._judged(rows, [""] * len(rows), judges, nobody, None, now_ms)

    def features_now(self, entity: str) -> Floats:
        """The features (k,) of the entity's state as of its newest event; NaN where missing.

        Raises `EntityMissing`, also where features are of second entities, which only an event
        names; and what `judged` raises.
        """
        row: Floats = self._stored(entity).features[0]
        return row

    def _folded(
        self, entity: str, events: Sequence[Mapping[str, Any] | bytes], now_ms: int
    ) -> _Cases:
        schema = self.scenario.schema
        values = [completed_event(event, schema, entity=entity, now_ms=now_ms) for event in events]
        decoded = decoded_events(self._decoder, values, key=entity.encode(), now_ms=now_ms)
        with self._states.open() as stored:
            states = self._state_of(entity, stored)
            # Stamps and partition say where an event stands; features do not depend on them.
            folded: Folded = fold_batch(
                self.scenario.plan,
                states,
                decoded,
                distinct(decoded.entities),
                offsets=np.arange(len(values), dtype=np.int64),
                first_stamp=0,
                partition=0,
            )
            cases = case_features(folded, decoded, stored.second)
        return _Cases(cases.features, folded.as_of_ms)

    def _stored(self, entity: str) -> _Cases:
        if self.scenario.second_entities:
            names = [second_entity.name for second_entity in self.scenario.second_entities]
            raise EntityMissing(
                f"a state of {self.scenario.name} cannot be judged without an event: only that "
                f"names the {names} whose features the model reads"
            )
        if not 1 <= len(entity.encode()) <= MAX_ENTITY_BYTES:
            raise EntityMissing(f"no entity id has {len(entity.encode()):,} bytes")
        with self._states.open() as stored:
            states = self._state_of(entity, stored)
        if not states.events[0]:
            raise EntityMissing(f"{self.scenario.name} has no state of {_shown(entity)}")
        return _Cases(*features_of_states(self.scenario.plan, states, at_ms=None))

    def _state_of(self, entity: str, stored: StoredStates) -> States:
        try:
            return self.scenario.codec.decode(stored.own.newest([entity]))
        except (DefinitionsChanged, StateFormatError) as error:
            raise unreadable(self.scenario.name, error) from error

    def _verdicts(self, cases: _Cases, entity: str, use: InUse, now_ms: int) -> Judged:
        # A shadow decides nothing, so it is not asked.
        judges = replace(use.judges, shadow=None)
        entities = [entity] * len(cases.features)
        return self._judged(cases.features, entities, judges, None, cases.as_of_ms, now_ms)

    def _judged(
        self,
        features: Floats,
        entities: Sequence[str],
        judges: Judges,
        control: npt.NDArray[np.bool_] | None,
        as_of_ms: npt.NDArray[np.int64] | None,
        now_ms: int,
    ) -> Judged:
        is_scored = self._judge.can_score(features)
        cases = np.flatnonzero(is_scored)
        with self._turn:
            verdicts = self._judge.verdicts(
                [entities[case] for case in cases.tolist()],
                features[cases],
                judges,
                control=None if control is None else control[cases],
            )
        champion = _model(judges.champion)
        challenger = champion if judges.challenger is None else _model(judges.challenger)
        judged = verdict_list(
            verdicts,
            self.scenario,
            (champion, challenger),
            cases=cases.tolist(),
            as_of_ms=None if as_of_ms is None else as_of_ms[cases].tolist(),
            now_ms=now_ms,
        )
        awaited = self.scenario.required_feature
        unjudged = [
            Unjudged(
                case=case,
                disposition="suppressed",
                reason_code=suppressed_because(awaited),
                reason=f"no prediction is made while {awaited} is missing",
            )
            for case in np.flatnonzero(~is_scored).tolist()
        ]
        unjudged += [
            Unjudged(
                case=int(cases[unscorable.row]),
                disposition="dead letter",
                reason_code=UNSCORABLE,
                reason=unscorable.cause,
            )
            for unscorable in verdicts.unscorable
        ]
        return Judged(judged, sorted(unjudged, key=lambda case: case.case))


def _model(model: ScoringModel) -> Model:
    return Model(model.name, model.version)


def _shown(entity: str) -> str:
    return repr(entity[:60])
