"""Proof that every input offset appears exactly once among predictions, suppressed, dead letters.

Replays repeat messages: equal ones count once; and where a version could not judge an event that a
later one did, the prediction counts. What breaks the rule is named by offset: an event
without an outcome, one with two kinds of outcome, or one prediction id with two contents.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from batch.archived import header
from features.reasons import UNSCORABLE

PREDICTION, SUPPRESSED, DEAD_LETTER = "prediction", "suppressed", "dead letter"
MISSING, TWICE, CONFLICT = "missing", "two kinds of outcome", "one id, two contents"
SURPLUS = "outcome without an event"

Offsets = Mapping[int, int]


@dataclass(frozen=True)
class PartitionCounts:
    """How the events of one partition add up; `repeated` are equal messages beyond the first."""

    partition: int
    events: int
    predictions: int
    suppressed: int
    dead_letters: int
    repeated: int
    broken: int

    @property
    def adds_up(self) -> bool:
        """Whether events = predictions + suppressed + dead letters and none is broken."""
        outcomes = self.predictions + self.suppressed + self.dead_letters
        return self.events == outcomes and self.broken == 0


def outcomes(predictions: DataFrame, dead_letters: DataFrame, *, topic: str) -> DataFrame:
    """All outcomes as partition, offset, kind, id, digest; inputs are Kafka frames with headers."""
    value = F.col("value").cast("string")
    source = F.from_json(
        value,
        "prediction_id string, suppressed string,"
        " source struct<topic:string,partition:int,offset:bigint>",
    )
    told = predictions.select(source.alias("told"), F.xxhash64("value").alias("digest"))
    scored = told.where(F.col("told.source.topic") == topic).select(
        F.col("told.source.partition").alias("partition"),
        F.col("told.source.offset").alias("offset"),
        F.when(F.col("told.suppressed").isNull(), PREDICTION).otherwise(SUPPRESSED).alias("kind"),
        F.coalesce("told.prediction_id", F.lit("")).alias("id"),
        "digest",
    )
    refused = dead_letters.where(header("source_topic") == topic).select(
        header("source_partition").cast("int").alias("partition"),
        header("source_offset").cast("bigint").alias("offset"),
        F.lit(DEAD_LETTER).alias("kind"),
        F.when(header("reason_code") == UNSCORABLE, UNSCORABLE).otherwise("").alias("id"),
        F.xxhash64("value", header("reason_code")).alias("digest"),
    )
    return scored.unionByName(refused)


def judged(
    events: DataFrame,
    told: DataFrame,
    *,
    begin: Offsets,
    end: Offsets,
    may_be_retold: bool = False,
) -> DataFrame:
    """One row per offset in [begin, end): partition, offset, kind, messages, distinct, fault.

    may_be_retold: no fault is one id with two contents, as a replay gives that knows more of second
    entities.
    """
    wanted = events.where(_within(begin, end)).select("partition", "offset")
    contents = (
        told.where(_within(begin, end))
        .groupBy("partition", "offset", "kind", "id")
        .agg(F.count("*").alias("messages"), F.countDistinct("digest").alias("contents"))
    )
    per_offset = contents.groupBy("partition", "offset").agg(
        F.sum("messages").alias("messages"),
        F.count("*").alias("distinct"),
        # A later version, or another batch, may judge what one could not: then the verdict counts.
        F.countDistinct(F.when(F.col("id") != UNSCORABLE, F.col("kind"))).alias("kinds"),
        F.max("contents").alias("contents"),
        F.coalesce(F.min(F.when(F.col("id") != UNSCORABLE, F.col("kind"))), F.min("kind")).alias(
            "kind"
        ),
    )
    joined = wanted.withColumn("is_event", F.lit(True)).join(
        per_offset, on=["partition", "offset"], how="full"
    )
    fault = (
        F.when(F.col("is_event").isNull(), SURPLUS)
        .when(F.col("messages").isNull(), MISSING)
        .when(F.col("kinds") > 1, TWICE)
        .when((F.col("contents") > 1) & F.lit(not may_be_retold), CONFLICT)
    )
    return joined.withColumn("fault", fault)


def partition_counts(rows: DataFrame) -> list[PartitionCounts]:
    """The sums of `judged` rows, one per partition."""
    counted = rows.groupBy("partition").agg(
        F.count("is_event").alias("events"),
        _sum(F.col("kind") == PREDICTION).alias("predictions"),
        _sum(F.col("kind") == SUPPRESSED).alias("suppressed"),
        _sum(F.col("kind") == DEAD_LETTER).alias("dead_letters"),
        F.coalesce(F.sum(F.col("messages") - 1), F.lit(0)).alias("repeated"),
        F.count("fault").alias("broken"),
    )
    found = [PartitionCounts(**row.asDict()) for row in counted.collect()]
    return sorted(found, key=lambda counts: counts.partition)


def broken_offsets(rows: DataFrame, *, limit: int) -> list[tuple[int, int, str]]:
    """The first `limit` offsets that break the rule, as (partition, offset, fault)."""
    broken = rows.where(F.col("fault").isNotNull()).orderBy("partition", "offset").limit(limit)
    return [(row["partition"], row["offset"], row["fault"]) for row in broken.collect()]


def _within(begin: Offsets, end: Offsets) -> Column:
    condition = F.lit(False)
    for partition, first in begin.items():
        in_range = (F.col("offset") >= first) & (F.col("offset") < end[partition])
        condition = condition | ((F.col("partition") == partition) & in_range)
    return condition


def _sum(condition: Column) -> Column:
    return F.coalesce(F.sum(condition.cast("int")), F.lit(0))
