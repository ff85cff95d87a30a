"""The training set from reviewers' verdicts: a reviewed event, its features, what people found."""

from collections.abc import Mapping
from typing import Literal, get_args

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from batch.proofs.recompute.incarnations import Incarnations
from batch.training_sets.rows import WEIGHT, feature_columns, split_column
from scenarios.contract.scenario import Scenario

LabelSource = Literal["labels", "reviews"]
SOURCES: tuple[LabelSource, ...] = get_args(LabelSource)
_POSITION = ("topic_id", "partition", "offset")


class UnknownSource(ValueError):
    """Labels do not come from there."""

    exit_code = 2


def source_named(name: str) -> LabelSource:
    """One of `SOURCES`; raises `UnknownSource`."""
    for source in SOURCES:
        if source == name:
            return source
    raise UnknownSource(f"labels do not come from {name!r}: {', '.join(SOURCES)}")


def rows_of_reviews(
    folded: DataFrame,
    labels: DataFrame,
    scenario: Scenario,
    topics: Incarnations,
    *,
    test_fraction: float,
) -> DataFrame:
    """One row per reviewed case, with the features right after the event that was scored.

    folded: `event_features`; labels: `review_labels`. Columns as of `rows_as_of_outcomes`, where
    label_time_ms is the time of the verdict, and `WEIGHT`, the inverse of the probability with
    which the case was sent to review. A case without its event, or whose event has no value of the
    scenario's required feature, gives no row.
    """
    events = folded.where(F.col("refusal").isNull()).select(
        topics.column(F.col("epoch")).alias("topic_id"),
        "epoch",
        "partition",
        "offset",
        "entity",
        "as_of_ms",
        F.struct("features").alias("last"),
    )
    verdicts = labels.select(
        topics.column(F.col("epoch")).alias("topic_id"),
        "partition",
        "offset",
        F.unix_millis("decided_at").alias("label_time_ms"),
        F.col("label").cast("int").alias("label"),
        F.col("weight").alias(WEIGHT),
    )
    rows = events.join(verdicts, on=list(_POSITION), how="inner").select(
        "entity",
        "label_time_ms",
        F.col("as_of_ms").alias("features_as_of_ms"),
        "label",
        split_column(test_fraction).alias("split"),
        "epoch",
        "partition",
        "offset",
        *feature_columns(scenario),
        WEIGHT,
    )
    if scenario.required_feature is None:
        return rows
    return rows.where(~F.isnan(scenario.required_feature))


def review_counts(labels: DataFrame, rows: DataFrame) -> Mapping[str, int]:
    """What became of the reviewed cases."""
    cases, used = labels.count(), rows.count()
    return {"reviews": cases, "reviews_without_a_usable_event": cases - used, "rows": used}
