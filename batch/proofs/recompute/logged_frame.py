"""Archived prediction messages as a frame: one row per different message."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from typing import Any

import pyarrow as pa
from pyspark.sql import DataFrame, Window
from pyspark.sql import functions as F

from batch.proofs.recompute.logged import (
    LoggedPrediction,
    LoggedSuppressed,
    NotAPredictionId,
    UnreadableMessage,
    as_floats,
    checked_epoch,
    decoded,
    thresholds_text,
    without_experiment,
)
from scenarios.contract.experiment import CHALLENGER, LoggedExperiment

PREDICTION, SUPPRESSED, UNREADABLE = "prediction", "suppressed", "unreadable"

_ARROW_SCHEMA = pa.schema(
    [
        ("messages", pa.int64()),
        ("logged_at", pa.int64()),
        ("kind", pa.string()),
        ("id", pa.string()),
        ("entity", pa.string()),
        ("epoch", pa.int32()),
        ("partition", pa.int32()),
        ("offset", pa.int64()),
        ("score", pa.float64()),
        ("band", pa.string()),
        ("action", pa.string()),
        ("review", pa.bool_()),
        ("control_group", pa.bool_()),
        ("scored_at", pa.int64()),
        ("event_time", pa.int64()),
        ("features_as_of", pa.int64()),
        ("valid_until", pa.int64()),
        ("model_version", pa.string()),
        ("features", pa.list_(pa.float64())),
        ("reasons", pa.list_(pa.string())),
        ("definitions", pa.string()),
        ("policy_version", pa.string()),
        ("thresholds", pa.string()),
        ("served", pa.string()),
        ("experiment", pa.string()),
        ("in_challenger", pa.bool_()),
        ("propensity", pa.float64()),
        ("other_version", pa.string()),
        ("other_score", pa.float64()),
        ("shadow_version", pa.string()),
        ("shadow_score", pa.float64()),
        ("second_stage", pa.string()),
    ]
)
_SCHEMA = (
    "messages bigint, logged_at bigint, kind string, id string, entity string, epoch int,"
    " partition int, offset bigint, score double, band string, action string, review boolean,"
    " control_group boolean, scored_at bigint, event_time bigint, features_as_of bigint,"
    " valid_until bigint, model_version string, features array<double>, reasons array<string>,"
    " definitions string, policy_version string, thresholds string, served string,"
    " experiment string, in_challenger boolean, propensity double, other_version string,"
    " other_score double, shadow_version string, shadow_score double, second_stage string"
)


def logged_rows(messages: DataFrame, *, scenario: str, topic: str) -> DataFrame:
    """One row per different message about an event of `topic`; `messages` counts its repeats.

    messages: columns value and kafka_time of the predictions. Columns: logged_at (time of the
    first such message), kind (prediction, suppressed, unreadable), id (unique per prediction; one
    made up for a suppressed event), the event's position, fields of the message (times in UTC epoch
    milliseconds, features with NaN where missing, codes of the reasons, thresholds as a JSON text),
    served (a digest of the message without its experiment), those of the experiment (null without
    one) and `contents`: how many different `served` have this id.
    """
    task = LoggedTask(scenario=scenario, topic=topic)
    different = messages.groupBy("value").agg(
        F.count("*").alias("messages"), F.unix_millis(F.min("kafka_time")).alias("logged_at")
    )
    rows = different.mapInArrow(task, _SCHEMA)
    same_id = Window.partitionBy("id").rowsBetween(
        Window.unboundedPreceding, Window.unboundedFollowing
    )
    contents = F.size(F.collect_set("served").over(same_id)).cast("bigint")
    return rows.withColumn("contents", contents)


@dataclass(frozen=True, kw_only=True)
class LoggedTask:
    """Decodes the messages of one Spark task; what cannot be decoded is a row of its own kind."""

    scenario: str
    topic: str

    def __call__(self, batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        """Columns value, messages and logged_at to rows of `_ARROW_SCHEMA`."""
        for batch in batches:
            rows = []
            for columns in batch.to_pylist():
                message = columns.pop("value")
                row = self._row(message)
                if row is not None:
                    served = sha256(without_experiment(message or b"")).hexdigest()
                    rows.append({**columns, **row, "served": served})
            yield pa.RecordBatch.from_pylist(rows, schema=_ARROW_SCHEMA)

    def _row(self, message: bytes | None) -> Mapping[str, Any] | None:
        try:
            logged = decoded(message)
            if logged.source.topic != self.topic:
                return None
            if isinstance(logged, LoggedSuppressed):
                return _suppressed(logged)
            return _prediction(logged, checked_epoch(logged, scenario=self.scenario))
        except (UnreadableMessage, NotAPredictionId) as error:
            return {"kind": UNREADABLE, "id": str(error)}


def _suppressed(suppressed: LoggedSuppressed) -> Mapping[str, Any]:
    at = suppressed.source
    return {
        "kind": SUPPRESSED,
        "id": f"suppressed-{suppressed.epoch}-{at.partition}-{at.offset}",
        "entity": suppressed.entity,
        "epoch": suppressed.epoch,
        "partition": at.partition,
        "offset": at.offset,
        "event_time": epoch_ms(suppressed.event_time),
    }


def _prediction(prediction: LoggedPrediction, epoch: int) -> Mapping[str, Any]:
    return {
        "kind": PREDICTION,
        "id": prediction.prediction_id,
        "entity": prediction.entity,
        "epoch": epoch,
        "partition": prediction.source.partition,
        "offset": prediction.source.offset,
        "score": prediction.score,
        "band": prediction.band,
        "action": prediction.action,
        "review": prediction.review,
        "control_group": prediction.control_group,
        "scored_at": epoch_ms(prediction.scored_at),
        "event_time": epoch_ms(prediction.event_time),
        "features_as_of": epoch_ms(prediction.features_as_of),
        "valid_until": epoch_ms(prediction.valid_until),
        "model_version": prediction.model.version,
        "features": as_floats(prediction.features),
        "reasons": [reason.code for reason in prediction.reasons],
        "definitions": prediction.feature_definitions,
        "policy_version": prediction.policy_version,
        "thresholds": thresholds_text(prediction.thresholds),
        "second_stage": prediction.second_stage.finding if prediction.second_stage else None,
        **_experiment(prediction.experiment),
    }


def _experiment(experiment: LoggedExperiment | None) -> Mapping[str, Any]:
    if experiment is None:
        return {}
    other, shadow = experiment.other, experiment.shadow
    return {
        "experiment": experiment.id,
        "in_challenger": experiment.arm == CHALLENGER,
        "propensity": experiment.propensity,
        "other_version": other.version if other else None,
        "other_score": other.score if other else None,
        "shadow_version": shadow.version if shadow else None,
        "shadow_score": shadow.score if shadow else None,
    }


def epoch_ms(moment: datetime) -> int:
    """UTC epoch milliseconds of `moment`."""
    return round(moment.timestamp() * 1000)
