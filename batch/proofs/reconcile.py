"""Proof that every input offset appears exactly once among predictions, suppressed, dead letters.

An event is named by epoch, partition and offset: a recreated topic counts its offsets from 0 again.
Replays repeat messages: equal ones count once. Where a version could not judge an event that a
later one did, the prediction counts; so it does where a replay refused an event of somebody erased
meanwhile. What breaks the rule is named by offset: an event without an outcome, one with two kinds
of outcome, or one prediction id with two contents.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from batch.records.archived import header
from features.events.reasons import ERASED, UNSCORABLE
from scenarios.contract.experiment import MARK
from stores.delta.epoch_columns import epoch_of_dead_letters, epoch_of_events, epoch_of_message
from stores.records.epochs import EpochRecord, EpochStart
from stores.records.losses import Loss

PREDICTION, SUPPRESSED, DEAD_LETTER = "prediction", "suppressed", "dead letter"
_EXPERIMENT = rf"{re.escape(MARK)}.*$"
MISSING, TWICE, CONFLICT = "missing", "two kinds of outcome", "one id, two contents"
SURPLUS = "outcome without an event"

# Dead letters that another batch may have written of an event that has an outcome as well.
_YIELDING = (UNSCORABLE, ERASED)

IN_NO_EPOCH = "in no epoch: not scored"

Offsets = Mapping[int, int]


@dataclass(frozen=True)
class Scope:
    """Which events of a topic are judged: [begin, end) of each partition, and their epochs.

    record: the epoch record of the stream, None before its first start; topic_id: of the topic as
    it is now, which need not be the one of the record; losses: what the stream never had of it.
    """

    record: EpochRecord | None
    topic_id: str
    begin: Offsets
    end: Offsets
    losses: Sequence[Loss] = ()

    @property
    def starts(self) -> tuple[EpochStart, ...]:
        """The epochs in the topic as it is now, newest first."""
        starts = self.record.starts if self.record else ()
        return tuple(start for start in starts if start.topic_id == self.topic_id)

    @property
    def has_earlier_topics(self) -> bool:
        """Whether the stream has scored another topic of this name before."""
        return self.record is not None and len(self.starts) < len(self.record.starts)

    @property
    def epochs(self) -> list[int]:
        """Their numbers."""
        return [start.epoch for start in self.starts]

    @property
    def first_offsets(self) -> Offsets:
        """Partition → where the first epoch that has it begins; what came before is not scored."""
        first: dict[int, int] = {}
        for start in self.starts:
            first |= start.first_offsets
        return first

    @property
    def epoch(self) -> Column:
        """The epoch of the event at a row's partition and offset; 0 for none."""
        return epoch_of_events(self.starts, self.topic_id)

    def is_inside(self) -> Column:
        """Whether a row's partition and offset are within the range."""
        condition = F.lit(False)
        for partition, first in self.begin.items():
            in_range = (F.col("offset") >= first) & (F.col("offset") < self.end[partition])
            condition = condition | ((F.col("partition") == partition) & in_range)
        return condition

    def is_lost(self) -> Column:
        """Whether a row's event was accepted as lost before it was scored."""
        condition = F.lit(False)
        for loss in self.losses:
            in_range = (F.col("offset") >= loss.first) & (F.col("offset") < loss.end)
            condition = condition | ((F.col("partition") == loss.partition) & in_range)
        return condition

    def is_before_first_epoch(self) -> Column:
        """Whether a row's event came before the stream began with its partition."""
        condition = F.lit(False)
        for partition, first in self.first_offsets.items():
            is_before = F.col("offset") < first
            condition = condition | ((F.col("partition") == partition) & is_before)
        return condition


@dataclass(frozen=True)
class PartitionCounts:
    """How the events of one partition add up; `repeated` are equal messages beyond the first.

    lost: without an outcome, and accepted as lost to retention.
    """

    partition: int
    events: int
    predictions: int
    suppressed: int
    dead_letters: int
    repeated: int
    broken: int
    lost: int = 0

    @property
    def adds_up(self) -> bool:
        """Whether events = predictions + suppressed + dead letters + lost and none is broken."""
        outcomes = self.predictions + self.suppressed + self.dead_letters + self.lost
        return self.events == outcomes and self.broken == 0


def outcomes(predictions: DataFrame, dead_letters: DataFrame, *, topic: str) -> DataFrame:
    """All outcomes as epoch, partition, offset, kind, id, digest; Kafka frames with headers."""
    value = F.col("value").cast("string")
    message = F.from_json(
        value,
        "prediction_id string, suppressed string, epoch int,"
        " source struct<topic:string,partition:int,offset:bigint>",
    )
    # A replay after an experiment began or ended repeats a prediction with another end.
    served = F.regexp_replace(value, _EXPERIMENT, "}")
    messages = predictions.select(message.alias("message"), F.xxhash64(served).alias("digest"))
    scored = messages.where(F.col("message.source.topic") == topic).select(
        epoch_of_message(F.col("message")).alias("epoch"),
        F.col("message.source.partition").alias("partition"),
        F.col("message.source.offset").alias("offset"),
        F.when(F.col("message.suppressed").isNull(), PREDICTION)
        .otherwise(SUPPRESSED)
        .alias("kind"),
        F.coalesce("message.prediction_id", F.lit("")).alias("id"),
        "digest",
    )
    refused = dead_letters.where(header("source_topic") == topic).select(
        epoch_of_dead_letters().alias("epoch"),
        header("source_partition").cast("int").alias("partition"),
        header("source_offset").cast("bigint").alias("offset"),
        F.lit(DEAD_LETTER).alias("kind"),
        F.when(header("reason_code").isin(*_YIELDING), header("reason_code"))
        .otherwise("")
        .alias("id"),
        F.xxhash64("value", header("reason_code")).alias("digest"),
    )
    return scored.unionByName(refused)


def judged(
    events: DataFrame,
    outcome_rows: DataFrame,
    *,
    scope: Scope,
    may_be_retold: bool = False,
) -> DataFrame:
    """One row per event of `scope`: epoch, partition, offset, kind, messages, distinct, fault.

    events: partition, offset of what the topic holds; outcome_rows: `outcomes`. An event's outcome
    is one of its own epoch; those of an earlier epoch of the same topic (a rebuild repeats the last
    batches in the name of the next one) and of an earlier topic do not count. Events
    from before the first epoch give no row.
    may_be_retold: no fault is one id with two contents, as a replay gives that knows more of second
    entities.
    """
    wanted = events.where(scope.is_inside()).select(
        "partition", "offset", scope.epoch.alias("epoch")
    )
    scored_events = wanted.where((F.col("epoch") >= 1) | ~scope.is_before_first_epoch())
    theirs = outcome_rows.where(scope.is_inside() & F.col("epoch").isin(scope.epochs))
    contents = (
        theirs.where(F.col("epoch") >= scope.epoch)
        .groupBy("epoch", "partition", "offset", "kind", "id")
        .agg(F.count("*").alias("messages"), F.countDistinct("digest").alias("contents"))
    )
    is_final = ~F.col("id").isin(*_YIELDING)
    per_offset = contents.groupBy("epoch", "partition", "offset").agg(
        F.sum("messages").alias("messages"),
        F.count("*").alias("distinct"),
        F.countDistinct(F.when(is_final, F.col("kind"))).alias("kinds"),
        F.max("contents").alias("contents"),
        F.coalesce(F.min(F.when(is_final, F.col("kind"))), F.min("kind")).alias("kind"),
    )
    joined = scored_events.withColumn("is_event", F.lit(True)).join(
        per_offset, on=["epoch", "partition", "offset"], how="full"
    )
    fault = (
        F.when(F.col("is_event").isNull(), SURPLUS)
        .when(F.col("epoch") == 0, IN_NO_EPOCH)
        .when(F.col("messages").isNull() & scope.is_lost(), F.lit(None))
        .when(F.col("messages").isNull(), MISSING)
        .when(F.col("kinds") > 1, TWICE)
        .when((F.col("contents") > 1) & F.lit(not may_be_retold), CONFLICT)
    )
    return joined.withColumn("fault", fault)


def earlier_outcomes(outcome_rows: DataFrame, *, scope: Scope) -> int:
    """How many messages are about events of an earlier topic of this name."""
    return outcome_rows.where(~F.col("epoch").isin(scope.epochs)).count()


def partition_counts(rows: DataFrame) -> list[PartitionCounts]:
    """The sums of `judged` rows, one per partition."""
    counted = rows.groupBy("partition").agg(
        F.count("is_event").alias("events"),
        _sum(F.col("kind") == PREDICTION).alias("predictions"),
        _sum(F.col("kind") == SUPPRESSED).alias("suppressed"),
        _sum(F.col("kind") == DEAD_LETTER).alias("dead_letters"),
        F.coalesce(F.sum(F.col("messages") - 1), F.lit(0)).alias("repeated"),
        F.count("fault").alias("broken"),
        _sum(F.col("kind").isNull() & F.col("fault").isNull()).alias("lost"),
    )
    partitions = [PartitionCounts(**row.asDict()) for row in counted.collect()]
    return sorted(partitions, key=lambda counts: counts.partition)


def broken_offsets(rows: DataFrame, *, limit: int) -> list[tuple[int, int, str]]:
    """The first `limit` offsets that break the rule, as (partition, offset, fault)."""
    broken = rows.where(F.col("fault").isNotNull()).orderBy("partition", "offset").limit(limit)
    return [(row["partition"], row["offset"], row["fault"]) for row in broken.collect()]


def _sum(condition: Column) -> Column:
    return F.coalesce(F.sum(condition.cast("int")), F.lit(0))
