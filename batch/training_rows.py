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
    """limits: the stream's; now_ms: for label maturity, UTC epoch ms; test_fraction: 0 to 1."""

    limits: EventLimits
    now_ms: int
    test_fraction: float = 0.2


def training_rows(
    events: DataFrame, labels: DataFrame, scenario: Scenario, *, options: TrainingOptions
) -> DataFrame:
    """One row per mature outcome: entity, label_time_ms, event_time_ms, label, split, features.

    `events` and `labels` have the columns of `RECORD_COLUMNS`. See `rows_as_of_outcomes`.
    """
    folded = event_features(events, scenario, options.limits)
    found = outcomes(labels, scenario.label, options.limits)
    known = mature(found, scenario.label, now_ms=options.now_ms)
    return rows_as_of_outcomes(folded, known, scenario, test_fraction=options.test_fraction)


def rows_as_of_outcomes(
    folded: DataFrame, known: DataFrame, scenario: Scenario, *, test_fraction: float
) -> DataFrame:
    """The point-in-time join of `event_features` and `mature` outcomes.

    An outcome gets the features of its entity's last event (by offset) that knew of nothing later
    than the outcome: an event that arrived earlier but is dated later hides those after it. An
    outcome without such an event, or without the scenario's required feature, gives no row, just
    as no prediction would have been made. Splits are "train" and "test"; event_time_ms is the
    time up to which the features know.
    """
    valid = folded.where(F.col("refusal").isNull()).select(
        "entity", "offset", "as_of_ms", "features"
    )
    known_before = valid.join(known, on="entity", how="inner").where(
        F.col("as_of_ms") <= F.col("label_time_ms")
    )
    latest = known_before.groupBy("entity", "label_time_ms").agg(
        F.max_by(F.struct("as_of_ms", "features"), "offset").alias("last"),
        F.first("label").alias("label"),
    )
    rows = latest.select(
        "entity",
        "label_time_ms",
        F.col("last.as_of_ms").alias("event_time_ms"),
        "label",
        _split(test_fraction).alias("split"),
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
