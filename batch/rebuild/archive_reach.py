"""Is the archive whole, and does it reach as far as the stream has scored?"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pyspark.sql import DataFrame, SparkSession, Window
from pyspark.sql import functions as F

from batch.proofs.reconcile import outcomes
from batch.records.archived import MADE_BY, archived_rows, archived_table, is_in
from stores.delta.absent import absent, end_of, offsets_of
from stores.delta.tables import DeltaPlace, commits
from stores.records.epochs import EpochRecord
from stores.records.losses import Loss, behind_losses, uncovered

_MOST_GAPS = 1_000


class ArchiveBehind(RuntimeError):
    """The archive lacks records that Kafka has; says which job brings them."""

    exit_code = 4


class HistoryLost(RuntimeError):
    """The archive lacks events that nobody erased: states built from it would miss them."""

    exit_code = 4


# Partition, first offset, and the one after the last.
Range = tuple[int, int, int]


@dataclass(frozen=True)
class LostHistory:
    """What states built from the archive would miss: a sentence, ranges of the present topic."""

    text: str
    ranges: Sequence[Range]


@dataclass(frozen=True)
class Reach:
    """Archived events of one topic partition: [first, end), and for how many offsets rows stand.

    Erased records and proven gaps count: rows stand for them.
    """

    topic_id: str
    partition: int
    first: int
    end: int
    records: int


def reaches(events: DataFrame) -> list[Reach]:
    """How far the archived `events` reach, by topic incarnation and partition."""
    grouped = (
        events.where("epoch >= 1")
        .groupBy("topic_id", "partition")
        .agg(
            F.min("offset").alias("first"),
            F.max(end_of(events)).alias("end"),
            F.sum(end_of(events) - F.col("offset")).alias("records"),
        )
    )
    return [Reach(**row.asDict()) for row in grouped.collect()]


def check_reach(
    spark: SparkSession,
    place: DeltaPlace,
    record: EpochRecord,
    *,
    ends: Mapping[int, int],
    predictions_id: str,
    losses: Sequence[Loss] = (),
    accepts_lost_history: bool = False,
) -> LostHistory | None:
    """Return when every event before `record`'s epoch and every prediction is archived.

    ends: partition → next offset of the predictions topic `predictions_id`; losses: the recorded
    ones. Returns what states would miss that the stream has folded, when that is accepted, and None
    when they would miss nothing. Raises `ArchiveBehind`, `HistoryLost` or `TableAbsent`.
    """
    event_reaches = reaches(archived_rows(spark, place, "events"))
    event_ends = {
        reach.partition: reach.end for reach in event_reaches if reach.topic_id == record.topic_id
    }
    for partition, wanted in record.first_offsets.items():
        offset = event_ends.get(partition, 0)
        offset = behind_losses(
            [loss for loss in losses if loss.topic_id == record.topic_id],
            partition=partition,
            offset=offset,
        )
        if offset < wanted:
            raise _behind(f"{record.topic}-{partition}", offset, wanted, place)
    predictions = archived_rows(spark, place, "predictions").where(
        F.col("topic_id") == predictions_id
    )
    archived: dict[int, Any] = {
        row[0]: row[1]
        for row in predictions.groupBy("partition").agg(F.max(end_of(predictions))).collect()
    }
    for partition, end in ends.items():
        offset = behind_losses(
            [loss for loss in losses if loss.topic_id == predictions_id],
            partition=partition,
            offset=archived.get(partition, 0),
        )
        if offset < end:
            raise _behind(f"{place.scenario}.predictions-{partition}", offset, end, place)
    lost = _lost_history(spark, place, record, event_reaches, losses)
    if lost is not None and not accepts_lost_history:
        raise HistoryLost(
            f"{lost.text}: states made from it would miss them. Nothing was changed; to go on "
            f"without them run ./spark-submit.sh rebuild_state --scenario {place.scenario} "
            "--accept-lost-history, which records what is missing"
        )
    return lost


def told_upto(
    spark: SparkSession,
    place: DeltaPlace,
    record: EpochRecord,
    *,
    begin: Mapping[int, int],
    losses: Sequence[Loss] = (),
) -> Mapping[int, int]:
    """Partition → offset before which every event from `begin` on has an archived outcome.

    Spark's checkpoint lags behind what was published, which need not be published again.
    Outcomes of `record`'s own epoch count: all of these events are in it. Events that the stream
    lost, by its recorded `losses`, have none and need none.
    """
    predictions, dead_letters = (
        archived_table(spark, place, kind).where(F.col("epoch") == record.epoch)
        for kind in ("predictions", "dead-letter")
    )
    outcome_offsets = outcomes(predictions, dead_letters, topic=record.topic).select(
        "partition", "offset"
    )
    # Whose event was erased, its outcome was erased with it; where there is no event, none is due.
    events = archived_rows(spark, place, "events").where(F.col("topic_id") == record.topic_id)
    outcome_offsets = outcome_offsets.unionByName(
        offsets_of(absent(events)).select("partition", "offset")
    )
    never_scored = _lost_to_stream(record, losses)
    ends = {}
    for partition, first in begin.items():
        partition_offsets = outcome_offsets.where(F.col("partition") == partition)
        at = behind_losses(never_scored, partition=partition, offset=first)
        end = _end_without_hole(partition_offsets, at)
        while (at := behind_losses(never_scored, partition=partition, offset=end)) > end:
            end = _end_without_hole(partition_offsets, at)
        ends[partition] = end
    return ends


def _end_without_hole(outcome_offsets: DataFrame, first: int) -> int:
    """The first offset from `first` on that has no outcome in the partition."""
    in_order = Window.partitionBy("partition").orderBy("offset")
    numbered = (
        outcome_offsets.where(F.col("offset") >= first).select("partition", "offset").distinct()
    )
    numbered = numbered.withColumn("wanted", F.row_number().over(in_order) + F.lit(first - 1))
    last = numbered.where("offset = wanted").agg(F.max("offset")).collect()[0][0]
    return first if last is None else int(last) + 1


def _lost_history(
    spark: SparkSession,
    place: DeltaPlace,
    record: EpochRecord,
    event_reaches: list[Reach],
    losses: Sequence[Loss],
) -> LostHistory | None:
    """Events missing since the first epoch began, except those that were erased or that the stream
    itself never scored; None when nothing is missing.
    """
    earlier_ids = {topic.topic_id for topic in record.earlier}
    archived_ids = {reach.topic_id for reach in event_reaches}
    absent = earlier_ids - archived_ids - {record.topic_id}
    if absent or not (record.is_whole_history or earlier_ids - {record.topic_id}):
        named = sorted(absent) or "unknown"
        return LostHistory(
            f"events of an earlier {record.topic} (topic ids {named}) are not in the archive", ()
        )
    first = {(s.topic_id, p): at for s in record.starts for p, at in s.first_offsets.items()}
    missing = sum(
        reach.end - first.get((reach.topic_id, reach.partition), reach.first) - reach.records
        for reach in event_reaches
    )
    events, lost = archived_rows(spark, place, "events").where("epoch >= 1"), missing
    if lost > 0:
        # Archives from before rows stood for what was erased: the log says how many rows went.
        history = commits(spark, place.path("events"), made_by=MADE_BY)
        lost -= sum(
            int(commit.counts.get("numDeletedRows", 0))
            for commit in history
            if commit.operation == "DELETE"
        )
    if lost > 0:
        lost -= _never_scored(events, event_reaches, losses)
    behind_end = _behind_end(record, event_reaches, losses)
    lost = max(lost, 0) + sum(end - first for _, first, end in behind_end)
    if lost <= 0:
        return None
    return LostHistory(
        f"{place.path('events')} lacks {lost:,} events that were scored and not erased "
        "(archive_stream --accept-gaps, or it began after the stream did)",
        [*_gaps(events, record, losses), *behind_end],
    )


def _never_scored(events: DataFrame, event_reaches: list[Reach], losses: Sequence[Loss]) -> int:
    """Offsets within the archive's reach that neither the stream nor the archive ever had."""
    ends = {(reach.topic_id, reach.partition): reach.end for reach in event_reaches}
    total = 0
    for loss in losses:
        end = min(loss.end, ends.get((loss.topic_id, loss.partition), 0))
        if loss.missing_in == "stream" and end > loss.first:
            held = F.sum(end_of(events) - F.col("offset"))
            total += end - loss.first - (events.where(is_in(loss)).agg(held).collect()[0][0] or 0)
    return total


def _behind_end(
    record: EpochRecord, event_reaches: list[Reach], losses: Sequence[Loss]
) -> Sequence[Range]:
    """What was scored between the archive's end and the epoch's beginning."""
    archived_ends = {
        reach.partition: reach.end for reach in event_reaches if reach.topic_id == record.topic_id
    }
    begin = {**_first_offsets(record), **archived_ends}
    never_scored = _lost_to_stream(record, losses)
    return [
        (partition, first, end)
        for partition, wanted in record.first_offsets.items()
        for first, end in uncovered(
            never_scored, partition=partition, first=begin[partition], end=wanted
        )
    ]


def _lost_to_stream(record: EpochRecord, losses: Sequence[Loss]) -> list[Loss]:
    return [
        loss for loss in losses if (loss.topic_id, loss.missing_in) == (record.topic_id, "stream")
    ]


def _gaps(events: DataFrame, record: EpochRecord, losses: Sequence[Loss]) -> Sequence[Range]:
    """Ranges of the present topic that the archive lacks between its rows, the widest."""
    first = F.lit(0)
    for partition, at in _first_offsets(record).items():
        first = F.when(F.col("partition") == partition, at).otherwise(first)
    in_order = Window.partitionBy("partition").orderBy("offset")
    before = F.coalesce(F.lag(end_of(events)).over(in_order), first)
    gaps = (
        events.where(F.col("topic_id") == record.topic_id)
        .select("partition", before.alias("first"), F.col("offset").alias("end"))
        .where("first < end")
        .orderBy(F.col("end") - F.col("first"), ascending=False)
        .limit(_MOST_GAPS)
    )
    never_scored = _lost_to_stream(record, losses)
    return [
        (row["partition"], first, end)
        for row in gaps.collect()
        for first, end in uncovered(
            never_scored, partition=row["partition"], first=row["first"], end=row["end"]
        )
    ]


def _first_offsets(record: EpochRecord) -> Mapping[int, int]:
    """Partition → where the first epoch of the present topic that has it begins."""
    first: dict[int, int] = {}
    for start in record.starts:
        if start.topic_id == record.topic_id:
            first |= start.first_offsets
    return first


def _behind(name: str, archived: int, wanted: int, place: DeltaPlace) -> ArchiveBehind:
    return ArchiveBehind(
        f"{name} is archived up to offset {archived:,}, needed is {wanted:,}: run "
        f"./spark-submit.sh archive_stream --scenario {place.scenario} --once"
    )
