"""The training set from published events and labels: what was known when an outcome came."""

from dataclasses import dataclass

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F
from pyspark.sql.types import StringType

from batch.event_features import event_features
from batch.limits import EventLimits
from batch.outcomes import mature, outcomes
from batch.split import is_held_out
from scenarios.scenario import Scenario

TRAIN, TEST = "train", "test"


@dataclass(frozen=True, kw_only=True)
class TrainingOptions:
    """limits: the stream's; as_of_ms: what was known when, UTC epoch ms; test_fraction: 0 to 1."""

    limits: EventLimits
    as_of_ms: int
    test_fraction: float = 0.2


def training_rows(
    events: DataFrame, labels: DataFrame, scenario: Scenario, *, options: TrainingOptions
) -> DataFrame:
    """One row per mature outcome with the features known by then, see `rows_as_of_outcomes`.

    `events` and `labels` have the columns of `ARCHIVED_COLUMNS` and hold nothing that arrived
    after `options.as_of_ms`.
    """
    folded = event_features(events, scenario, options.limits)
    found = outcomes(labels, scenario.label, options.limits)
    known = mature(found, scenario.label, now_ms=options.as_of_ms)
    return rows_as_of_outcomes(folded, known, scenario, test_fraction=options.test_fraction)


def rows_as_of_outcomes(
    folded: DataFrame, known: DataFrame, scenario: Scenario, *, test_fraction: float
) -> DataFrame:
    """The point-in-time join of `event_features` and `mature` outcomes.

    Columns: entity, label_time_ms, features_as_of_ms, label, split ("train" or "test"), epoch,
    partition, offset (of the event that the features follow), and one per feature.

    An outcome gets the features of its entity's last event in the stream's order that knew of
    nothing later than the outcome and had arrived before the outcome was known. So neither an
    event dated after the outcome leaks, nor one that was dated back once the outcome was known;
    an event that arrived in time but is dated later hides those after it. An outcome without such
    an event, or without the scenario's required feature, gives no row, just as no prediction
    would have been made.
    """
    valid = folded.where(F.col("refusal").isNull()).select(
        "entity", "epoch", "partition", "offset", "as_of_ms", "arrived_ms", "features"
    )
    known_before = valid.join(known, on="entity", how="inner").where(
        (F.col("as_of_ms") <= F.col("label_time_ms")) & (F.col("arrived_ms") <= F.col("known_ms"))
    )
    event = F.struct("epoch", "partition", "offset", "as_of_ms", "features")
    latest = known_before.groupBy("entity", "label_time_ms").agg(
        F.max_by(event, F.struct("epoch", "offset")).alias("last"),
        F.first("label").alias("label"),
    )
    rows = latest.select(
        "entity",
        "label_time_ms",
        F.col("last.as_of_ms").alias("features_as_of_ms"),
        "label",
        _split(test_fraction).alias("split"),
        "last.epoch",
        "last.partition",
        "last.offset",
        *_feature_columns(scenario),
    )
    if scenario.required_feature is None:
        return rows
    return rows.where(~F.isnan(scenario.required_feature))


def refusal_counts(frame: DataFrame) -> dict[str, int]:
    """Reason code → refused records of `event_features` or `outcomes`."""
    refused = frame.where(F.col("refusal").isNotNull())
    return {row["refusal"]: row["count"] for row in refused.groupBy("refusal").count().collect()}


def _feature_columns(scenario: Scenario) -> list[Column]:
    names = scenario.plan.feature_names
    return [F.col("last.features")[position].alias(name) for position, name in enumerate(names)]


def _split(test_fraction: float) -> Column:
    def split_of(entity: str) -> str:
        return TEST if is_held_out(entity, fraction=test_fraction) else TRAIN

    return F.udf(split_of, StringType(), useArrow=False)("entity")
