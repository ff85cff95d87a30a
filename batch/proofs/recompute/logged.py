"""Logged predictions, decoded exactly from their messages."""

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

import msgspec

from scenarios.contract.experiment import MARK, LoggedExperiment
from stores.hbase.predictions import Prediction, Source

_ID = re.compile(r"(?P<scenario>.+)-(?P<epoch>\d+)-(?P<partition>\d+)-(?P<offset>\d+)-v[^-]+")


class LoggedPrediction(Prediction, frozen=True, kw_only=True):
    """A prediction with what it was computed from; `None` among the features is a missing value.

    experiment: in which it was made, with the scores of other versions; None: in none.
    """

    features: list[float | None]
    feature_definitions: str
    policy_version: str
    thresholds: dict[str, float]
    experiment: LoggedExperiment | None = None


class LoggedSuppressed(msgspec.Struct, frozen=True, kw_only=True):
    """An event that was folded but gave no prediction, and why."""

    suppressed: str
    entity: str
    epoch: int
    event_time: datetime
    source: Source


class UnreadableMessage(ValueError):
    """A message on the predictions topic is neither a prediction nor a suppressed event."""

    exit_code = 4


class NotAPredictionId(ValueError):
    """The text is no prediction id of the scenario."""

    exit_code = 2


class MadeByBatchRun(NotAPredictionId):
    """The prediction comes from a batch run over stored states, not from one event."""

    exit_code = 4


@dataclass(frozen=True, kw_only=True)
class Position:
    """Where an event lies: in the topic of `epoch`, at an offset of a partition."""

    epoch: int
    partition: int
    offset: int


def position_of(prediction_id: str, *, scenario: str) -> Position:
    """The event that a prediction id names; raises `NotAPredictionId` or `MadeByBatchRun`."""
    if prediction_id.startswith(f"{scenario}-batch-"):
        raise MadeByBatchRun(
            f"{prediction_id} was made by a batch run, whose own table holds its rows; predictions "
            "that the stream made of events can be audited"
        )
    match = _ID.fullmatch(prediction_id)
    if match is None or match["scenario"] != scenario:
        raise NotAPredictionId(
            f"{prediction_id!r} is no prediction id of {scenario}: expected "
            f"{scenario}-EPOCH-PARTITION-OFFSET-vVERSION, such as {scenario}-1-0-1234-v2"
        )
    return Position(
        epoch=int(match["epoch"]), partition=int(match["partition"]), offset=int(match["offset"])
    )


def decoded(message: bytes | None) -> LoggedPrediction | LoggedSuppressed:
    """The document in a message; floats come back to the bit. Raises `UnreadableMessage`."""
    kind = _suppressed if message is not None and message[:14] == b'{"suppressed":' else _prediction
    try:
        return kind(message or b"")
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        shown = (message or b"")[:60]
        raise UnreadableMessage(f"message {shown!r} is no prediction: {error}") from error


def without_experiment(message: bytes) -> bytes:
    """The message of a prediction without what it says of an experiment.

    A replay after an experiment began or ended logs the same prediction again without or with it:
    that is no second content of its id.
    """
    begin = message.rfind(MARK.encode())
    return message if begin < 0 else message[:begin] + b"}"


def checked_epoch(logged: LoggedPrediction, *, scenario: str) -> int:
    """The epoch in the id of `logged`; raises `NotAPredictionId` when id and source differ."""
    position, source = position_of(logged.prediction_id, scenario=scenario), logged.source
    if (position.partition, position.offset) != (source.partition, source.offset):
        raise NotAPredictionId(f"{logged.prediction_id!r} has another position than {source}")
    return position.epoch


def as_floats(features: list[float | None]) -> list[float]:
    """Logged features as floats, NaN where missing."""
    return [math.nan if value is None else value for value in features]


def thresholds_text(thresholds: Mapping[str, float]) -> str:
    """One text per set of thresholds: rows that were decided alike are grouped by it."""
    return msgspec.json.encode(dict(thresholds), order="sorted").decode()


_prediction = msgspec.json.Decoder(LoggedPrediction).decode
_suppressed = msgspec.json.Decoder(LoggedSuppressed).decode
