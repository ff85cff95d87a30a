"""Is the archive whole, and does it reach as far as the stream has scored?"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pyspark.sql import DataFrame, SparkSession, Window
from pyspark.sql import functions as F

from batch.archived import MADE_BY, archived_rows, archived_table
from batch.reconcile import outcomes
from stores.absent import absent, end_of, offsets_of
from stores.delta import DeltaPlace, commits
from stores.epochs import EpochRecord, EpochStart


class ArchiveBehind(RuntimeError):
    """The archive lacks records that Kafka has; says which job brings them."""

    exit_code = 4


class HistoryLost(RuntimeError):
    """The archive lacks events that nobody erased: states made from it would miss them."""

    exit_code = 4


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
    found = (
        events.where("epoch >= 1")
        .groupBy("topic_id", "partition")
        .agg(
            F.min("offset").alias("first"),
            F.max(end_of(events)).alias("end"),
            F.sum(end_of(events) - F.col("offset")).alias("records"),
        )
    )
    return [Reach(**row.asDict()) for row in found.collect()]


def check_reach(
    spark: SparkSession,
    place: DeltaPlace,
    record: EpochRecord,
    *,
    ends: Mapping[int, int],
    predictions_id: str,
) -> None:
    """Return when every event before `record`'s epoch and every prediction is archived.

    ends: partition → next offset of the predictions topic `predictions_id`. Raises
    `ArchiveBehind`, `HistoryLost` or `TableAbsent`.
    """
    found = reaches(archived_rows(spark, place, "events"))
    have = {each.partition: each.end for each in found if each.topic_id == record.topic_id}
    for partition, wanted in record.first_offsets.items():
        if have.get(partition, 0) < wanted:
            raise _behind(f"{record.topic}-{partition}", have.get(partition, 0), wanted, place)
    told = archived_rows(spark, place, "predictions").where(F.col("topic_id") == predictions_id)
    archived: dict[int, Any] = {
        row[0]: row[1] for row in told.groupBy("partition").agg(F.max(end_of(told))).collect()
    }
    for partition, end in ends.items():
        if archived.get(partition, 0) < end:
            name = f"{place.scenario}.predictions-{partition}"
            raise _behind(name, archived.get(partition, 0), end, place)
    _check_whole(spark, place, record, found)


def told_upto(
    spark: SparkSession, place: DeltaPlace, record: EpochRecord, *, begin: Mapping[int, int]
) -> Mapping[int, int]:
    """Partition → offset before which every event from `begin` on has an archived outcome.

    Spark's checkpoint lags behind what was published; what is published need not be told again.
    Outcomes of `record`'s own epoch count: all of these events are in it.
    """
    predictions, dead_letters = (
        archived_table(spark, place, kind).where(F.col("epoch") == record.epoch)
        for kind in ("predictions", "dead-letter")
    )
    told = outcomes(predictions, dead_letters, topic=record.topic).select("partition", "offset")
    # Whose event was erased, its outcome was erased with it; where there is no event, none is due.
    events = archived_rows(spark, place, "events").where(F.col("topic_id") == record.topic_id)
    told = told.unionByName(offsets_of(absent(events)).select("partition", "offset"))
    in_order = Window.partitionBy("partition").orderBy("offset")
    found = {}
    for partition, first in begin.items():
        later = told.where((F.col("partition") == partition) & (F.col("offset") >= first))
        numbered = later.select("partition", "offset").distinct()
        numbered = numbered.withColumn("wanted", F.row_number().over(in_order) + F.lit(first - 1))
        last = numbered.where("offset = wanted").agg(F.max("offset")).collect()[0][0]
        found[partition] = first if last is None else last + 1
    return found


def archived_epoch(spark: SparkSession, place: DeltaPlace, *, topic: str) -> EpochRecord | None:
    """The newest epoch as the archive tells it, for a control table that was lost; None if none."""
    rows = (
        archived_rows(spark, place, "events")
        .where("epoch >= 1")
        .groupBy("epoch", "topic_id", "partition")
        .agg(F.min("offset").alias("first"))
        .collect()
    )
    starts: dict[int, EpochStart] = {}
    for epoch in sorted({row["epoch"] for row in rows}, reverse=True):
        own = [row for row in rows if row["epoch"] == epoch]
        first = {row["partition"]: row["first"] for row in own}
        starts[epoch] = EpochStart(epoch=epoch, topic_id=own[0]["topic_id"], first_offsets=first)
    if not starts:
        return None
    newest, *earlier = starts.values()
    return EpochRecord(
        epoch=newest.epoch,
        topic=topic,
        topic_id=newest.topic_id,
        partitions=len(newest.first_offsets),
        first_offsets=newest.first_offsets,
        reason="as the archive tells it",
        begun_at="",
        earlier=tuple(earlier),
    )


def _check_whole(
    spark: SparkSession, place: DeltaPlace, record: EpochRecord, found: list[Reach]
) -> None:
    """Every offset since the first epoch began is there, but for those that were erased."""
    known, ids = {each.topic_id for each in record.earlier}, {each.topic_id for each in found}
    lost = known - ids - {record.topic_id}
    if lost or not (record.is_whole_history or known - {record.topic_id}):
        raise HistoryLost(
            f"events of an earlier {record.topic} (topic ids {sorted(lost) or 'unknown'}) are not "
            "in the archive: states made from it would miss them. Nothing was changed"
        )
    first = {(s.topic_id, p): at for s in record.starts for p, at in s.first_offsets.items()}
    missing = sum(
        each.end - first.get((each.topic_id, each.partition), each.first) - each.records
        for each in found
    )
    if missing <= 0:
        return
    # Archives from before rows stood for what was erased: the log says how many rows went.
    history = commits(spark, place.path("events"), made_by=MADE_BY)
    erased = sum(
        int(each.counts.get("numDeletedRows", 0)) for each in history if each.operation == "DELETE"
    )
    if missing > erased:
        raise HistoryLost(
            f"{place.path('events')} lacks {missing - erased:,} events that were not erased "
            "(archive_stream --accept-gaps, or it began after the stream did): states made from "
            "it would miss them. Nothing was changed"
        )


def _behind(name: str, archived: int, wanted: int, place: DeltaPlace) -> ArchiveBehind:
    return ArchiveBehind(
        f"{name} is archived up to offset {archived:,}, needed is {wanted:,}: run "
        f"./spark-submit.sh archive_stream --scenario {place.scenario} --once"
    )
