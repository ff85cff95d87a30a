"""Predictions as JSON: the row in HBase, and the same with its features for the topic."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

import msgspec

from scenarios.scenario import Scenario
from stores.predictions import Model, Prediction, Source, utc
from streaming.models_in_use import InUse
from streaming.verdicts import Verdicts

_encode = msgspec.json.Encoder().encode
MS_PER_DAY = 86_400_000


class Suppressed(msgspec.Struct, frozen=True, kw_only=True):
    """An event that was folded into the state but gave no prediction, and why."""

    suppressed: str
    entity: str
    epoch: int
    event_time: datetime
    source: Source


def log_document(row: bytes, features: list[float], basis: bytes) -> bytes:
    """The topic's message: the row, its features in declared order (null: missing), their basis.

    Floats are written with the fewest digits that read back as the same float.
    """
    return b'%b,"features":%b,%b' % (row[:-1], _encode(features), basis[1:])


def log_basis(definitions: str, policy_version: str, thresholds: Mapping[str, float]) -> bytes:
    """What an audit needs beside row and features: the definitions' digest, and what decided."""
    return _encode(
        {
            "feature_definitions": definitions,
            "policy_version": policy_version,
            "thresholds": dict(thresholds),
        }
    )


def row_in(message: bytes) -> bytes:
    """The row document inside a topic's message, to the byte."""
    return message[: message.rindex(b',"features":[')] + b"}"


def suppressed_document(document: Suppressed) -> bytes:
    """The topic's message for a suppressed event."""
    return _encode(document)


@dataclass(frozen=True)
class Positions:
    """Where n events of one topic partition stand, and their times in UTC epoch milliseconds."""

    topic: str
    partition: int
    epoch: int
    offsets: list[int]
    arrived_ms: list[int]
    event_ms: list[int]
    as_of_ms: list[int]

    def source(self, row: int) -> Source:
        """The Kafka position of event `row`."""
        return Source(self.topic, self.partition, self.offsets[row])


class PredictionWriter:
    """Puts verdicts of one scenario into words that other software reads."""

    def __init__(self, scenario: Scenario) -> None:
        self._name = scenario.name
        self._bands = [band.name for band in scenario.policy.bands]
        self._actions = scenario.policy.actions
        self._valid_ms = int(scenario.policy.valid_days * MS_PER_DAY)

    def predictions(
        self, entities: Sequence[str], verdicts: Verdicts, positions: Positions, use: InUse
    ) -> Iterator[Prediction]:
        """One prediction per event, in order."""
        champion = Model(use.champion.name, use.champion.version)
        challenger = Model(use.challenger.name, use.challenger.version) if use.challenger else None
        columns = zip(
            entities,
            verdicts.scores.tolist(),
            verdicts.decisions.bands.tolist(),
            verdicts.decisions.actions.tolist(),
            verdicts.decisions.review.tolist(),
            verdicts.control.tolist(),
            verdicts.challenged.tolist(),
            strict=True,
        )
        for row, (entity, score, band, action, review, control, challenged) in enumerate(columns):
            model = challenger if challenged and challenger else champion
            arrived_ms = positions.arrived_ms[row]
            yield Prediction(
                prediction_id=self._prediction_id(positions, row, model),
                entity=entity,
                score=score,
                band=self._bands[band],
                reasons=verdicts.reasons.get(row, []),
                action=self._actions[action],
                review=review,
                control_group=control,
                scored_at=utc(arrived_ms),
                event_time=utc(positions.event_ms[row]),
                features_as_of=utc(positions.as_of_ms[row]),
                valid_until=utc(arrived_ms + self._valid_ms),
                model=model,
                source=positions.source(row),
            )

    def _prediction_id(self, positions: Positions, row: int, model: Model) -> str:
        # Same position, epoch and model version, same id: a replay repeats it.
        where = f"{positions.epoch}-{positions.partition}-{positions.offsets[row]}"
        return f"{self._name}-{where}-v{model.version}"
