"""The training set from published events and labels: what was known when an outcome came."""

import hashlib
from dataclasses import dataclass

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F
from pyspark.sql.types import StringType

from batch.records.limits import EventLimits
from batch.training_sets.event_features import event_features
from batch.training_sets.outcomes import OUTCOME_KEY, mature, outcomes
from batch.training_sets.second_entities import second_entity_features, with_second_entities
from scenarios.contract.scenario import Scenario

TRAIN, TEST = "train", "test"
# No feature may have this name: it is what a row counts, where rows do not count alike.
WEIGHT = "everscore_weight"
# Fixed before the first model was trained; another salt would be another held-out part.
_SPLIT_SALT = b"everscore-split-1"


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
    outcome_rows = outcomes(labels, scenario.label, options.limits)
    mature_outcomes = mature(outcome_rows, scenario.label, now_ms=options.as_of_ms)
    looked_up = second_entity_features(events, labels, folded, scenario, options.limits)
    rows = rows_as_of_outcomes(
        folded, mature_outcomes, scenario, test_fraction=options.test_fraction
    )
    return with_second_entities(rows, looked_up)


def rows_as_of_outcomes(
    folded: DataFrame, mature_outcomes: DataFrame, scenario: Scenario, *, test_fraction: float
) -> DataFrame:
    """The point-in-time join of `event_features` and `mature` outcomes.

    Columns: entity, label_time_ms, features_as_of_ms, label, split ("train" or "test"), epoch,
    partition, offset (of the event that the features follow), and one per own feature.

    An outcome of an event gets the features right after that event; where it was published twice,
    after the first. An outcome of an entity gets the features of its entity's last event in the
    stream's order that knew of nothing later than the outcome and had arrived before the outcome
    was known. So neither an event dated after the outcome leaks, nor one that was dated back once
    the outcome was known; an event that arrived in time but is dated later hides those after it.
    An outcome without its event, or without the scenario's required feature, gives no row, just as
    no prediction would have been made.
    """
    valid = folded.where(F.col("refusal").isNull()).select(
        "entity", "event_id", "epoch", "partition", "offset", "as_of_ms", "arrived_ms", "features"
    )
    event = F.struct("epoch", "partition", "offset", "as_of_ms", "features")
    if scenario.label.of_event is None:
        valid, on, select_by = valid.drop("event_id"), ["entity"], F.max_by
    else:
        on, select_by = ["entity", "event_id"], F.min_by
    known_before = valid.join(mature_outcomes, on=on, how="inner").where(
        (F.col("as_of_ms") <= F.col("label_time_ms")) & (F.col("arrived_ms") <= F.col("known_ms"))
    )
    latest = known_before.groupBy(*OUTCOME_KEY).agg(
        select_by(event, F.struct("epoch", "offset")).alias("last"),
        F.first("label").alias("label"),
    )
    rows = latest.select(
        "entity",
        "label_time_ms",
        F.col("last.as_of_ms").alias("features_as_of_ms"),
        "label",
        split_column(test_fraction).alias("split"),
        "last.epoch",
        "last.partition",
        "last.offset",
        *feature_columns(scenario),
    )
    if scenario.required_feature is None:
        return rows
    return rows.where(~F.isnan(scenario.required_feature))


def refusal_counts(frame: DataFrame) -> dict[str, int]:
    """Reason code → refused records of `event_features` or `outcomes`."""
    refused = frame.where(F.col("refusal").isNotNull())
    return {row["refusal"]: row["count"] for row in refused.groupBy("refusal").count().collect()}


def feature_columns(scenario: Scenario) -> list[Column]:
    """A column per own feature, from the array `last.features`."""
    names = scenario.plan.feature_names
    return [F.col("last.features")[position].alias(name) for position, name in enumerate(names)]


def split_column(test_fraction: float) -> Column:
    """`TEST` for entities that `is_held_out`, else `TRAIN`."""

    def split_of(entity: str) -> str:
        return TEST if is_held_out(entity, fraction=test_fraction) else TRAIN

    return F.udf(split_of, StringType(), useArrow=False)("entity")


def is_held_out(entity: str, *, fraction: float) -> bool:
    """Whether `entity` belongs to the held-out `fraction` (0 to 1) of all entities.

    A stable hash decides, never a result.
    """
    digest = hashlib.blake2b(_SPLIT_SALT + entity.encode(), digest_size=8).digest()
    return int.from_bytes(digest, "big") < fraction * 2.0**64
