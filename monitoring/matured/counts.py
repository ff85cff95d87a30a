"""What is counted of each period: records by disposition, reasons, volume, lateness."""

from collections import defaultdict

import numpy as np
from pyspark.sql import Column, DataFrame, SparkSession
from pyspark.sql import functions as F

from batch.proofs.recompute.logged_frame import SUPPRESSED
from batch.records.archived import archived_table, header
from monitoring.cases import HOUR_MS, Ints
from monitoring.matured.options import MaturedOptions
from stores.delta.tables import DeltaPlace, is_table

REASON = "reason."


def arrivals(
    spark: SparkSession, place: DeltaPlace, options: MaturedOptions, *, source_topic: str
) -> DataFrame:
    """Events that arrived and those that were refused, each once: name and arrived_ms.

    name: "events", for every event, or "dead_letter.REASON". Refused ones count by the arrival of
    the event.
    """
    events = archived_table(spark, place, "events").where(F.col("epoch") >= 1)
    arrived = events.select(
        F.lit("events").alias("name"), F.unix_millis("kafka_time").alias("arrived_ms")
    ).where(F.col("arrived_ms") <= options.now_ms)
    if not is_table(spark, place.path("dead-letter")):
        return arrived
    letters = archived_table(spark, place, "dead-letter").where(
        (header("source_topic") == source_topic) & (F.unix_millis("kafka_time") <= options.now_ms)
    )
    columns = {
        "epoch": header("source_epoch"),
        "partition": header("source_partition"),
        "offset": header("source_offset"),
        "name": F.concat(F.lit("dead_letter."), header("reason_code")),
        "arrived_ms": header("source_timestamp_ms").cast("bigint"),
    }
    rows = letters.select(*(column.alias(name) for name, column in columns.items()))
    once = rows.dropDuplicates(["epoch", "partition", "offset"])
    return arrived.unionByName(once.select("name", "arrived_ms"))


def arrival_counts(arrived: DataFrame, options: MaturedOptions) -> DataFrame:
    """Rows of `arrivals` per period and name."""
    return _counted(arrived, options.period_of(F.col("arrived_ms")), F.col("name"))


def counts_of_hours(arrived: DataFrame, options: MaturedOptions) -> dict[str, Ints]:
    """Name → rows of `arrivals` in each hour of all periods, int64 (hours,).

    Nothing where periods are no whole hours.
    """
    if options.length_ms % HOUR_MS:
        return {}
    hour = options.hour_of(F.col("arrived_ms")).alias("hour")
    placed = arrived.select(hour, "name").where(F.col("hour").isNotNull())
    counted = placed.groupBy("hour", "name").agg(F.count("*").alias("value"))
    length = (options.end_ms - options.begin_ms) // HOUR_MS
    hours: dict[str, Ints] = defaultdict(lambda: np.zeros(length, dtype=np.int64))
    for row in counted.collect():
        hours[row["name"]][row["hour"]] = row["value"]
    return dict(sorted(hours.items()))


def message_counts(predictions: DataFrame, messages: DataFrame) -> list[DataFrame]:
    """Predictions, those that a rule sent to review, suppressed events, reasons, and the median
    lateness in milliseconds.

    predictions: `first_of_position` of those that are predictions; messages: `logged_messages`
    """
    period = F.col("period")
    suppressed = messages.where(F.col("kind") == SUPPRESSED).dropDuplicates(["id"])
    reasons = predictions.select("period", F.explode("reasons").alias("code"))
    lateness = F.percentile_approx(F.col("arrived_ms") - F.col("event_time"), 0.5)
    median = (
        messages.where(period.isNotNull())
        .groupBy("period")
        .agg(lateness.cast("bigint").alias("value"))
    )
    return [
        _counted(predictions, period, "predictions"),
        _counted(predictions.where("review"), period, "sent_to_review"),
        _counted(suppressed, period, "suppressed"),
        _counted(reasons, period, F.concat(F.lit(REASON), F.col("code"))),
        median.select("period", F.lit("lateness_ms").alias("name"), "value"),
    ]


def disposition_counts(dispositions: DataFrame, options: MaturedOptions, *, kind: str) -> DataFrame:
    """Records by disposition ("KIND.DISPOSITION", "KIND.refused.REASON"), by their arrival.

    They sum to the records of `kind` that arrived in each period.
    """
    name = F.concat_ws(".", F.lit(kind), F.col("disposition"), F.col("reason"))
    return _counted(dispositions, options.period_of(F.col("arrived_ms")), name)


def case_counts(cases: DataFrame, *, is_like_today: Column) -> list[DataFrame]:
    """All cases ("cases"), and those whose features were defined otherwise than today's."""
    other = cases.where(~is_like_today)
    return [
        _counted(cases, F.col("period"), "cases"),
        _counted(other, F.col("period"), "cases_of_other_definitions"),
    ]


def together(frames: list[DataFrame]) -> DataFrame:
    """All rows of `frames`."""
    first, *others = frames
    for frame in others:
        first = first.unionByName(frame)
    return first


def _counted(rows: DataFrame, period: Column, name: Column | str) -> DataFrame:
    named = name if isinstance(name, Column) else F.lit(name)
    placed = rows.select(period.alias("period"), named.alias("name"))
    counted = placed.where(F.col("period").isNotNull()).groupBy("period", "name")
    return counted.agg(F.count("*").alias("value"))
