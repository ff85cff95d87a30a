"""Records as the archive holds them, for whatever folds or decodes them again."""

from collections.abc import Iterable, Sequence

from pyspark.sql import Column, DataFrame, SparkSession
from pyspark.sql import functions as F

from batch.records.placed_records import SCORED_EPOCH, placed
from features.events import reasons
from features.events.arrow_records import ARCHIVED_COLUMNS, PLACEMENT_COLUMNS
from stores.delta.absent import present
from stores.delta.epoch_table import stored_epochs
from stores.delta.files import HadoopFiles
from stores.delta.tables import DeltaPlace, is_table, read_table
from stores.records.epochs import EpochStart
from stores.records.losses import Loss, LossFiles

MADE_BY = "archive_stream"


def archived_table(
    spark: SparkSession, place: DeltaPlace, kind: str, *, version: int | None = None
) -> DataFrame:
    """All records in the archive table of `kind`, one of `streaming.archive.source.KINDS`.

    Raises `TableAbsent`, `VersionAbsent` or `PastRetention`.
    """
    return present(archived_rows(spark, place, kind, version=version))


def archived_rows(
    spark: SparkSession, place: DeltaPlace, kind: str, *, version: int | None = None
) -> DataFrame:
    """The same table with the rows of offsets without a record (stores/delta/absent.py)."""
    return read_table(spark, place.path(kind), made_by=MADE_BY, version=version)


def archived_records(
    spark: SparkSession,
    place: DeltaPlace,
    kind: str,
    *,
    version: int | None = None,
    until_ms: int | None = None,
) -> DataFrame:
    """Archived records with the columns `ARCHIVED_COLUMNS`, in no order.

    Events have `PLACEMENT_COLUMNS`, too: they count in their key's home partition only.

    Events from before the stream's first epoch are left out, and so are those that it lost to
    retention (`score_stream --accept-loss`), even if archived: the stream never folded them.
    until_ms: only what Kafka had by then (UTC epoch ms); version: of the table. Errors as in
    `archived_table`.
    """
    rows = archived_table(spark, place, kind, version=version).where(F.col("epoch") >= 1)
    if until_ms is not None:
        rows = rows.where(F.col("kafka_time") <= F.timestamp_millis(F.lit(until_ms)))
    if kind != "events":
        return rows.withColumnRenamed("kafka_time", "timestamp").select(*ARCHIVED_COLUMNS)
    return events_to_fold(spark, place, rows)


def events_to_fold(
    spark: SparkSession,
    place: DeltaPlace,
    rows: DataFrame,
    *,
    starts: Sequence[EpochStart] | None = None,
) -> DataFrame:
    """`rows` of the archive's events with `ARCHIVED_COLUMNS` and `PLACEMENT_COLUMNS`.

    What the stream lost to retention is left out.

    starts: the epochs, newest first; None: those stored beside the archive.
    """
    epochs = stored_epochs(spark, place) if starts is None else starts
    folded = rows.where(~is_lost(recorded_losses(spark, place)))
    events = placed(folded, epochs, recorded_homes(spark, place))
    named = events.withColumnRenamed("kafka_time", "timestamp")
    return named.select(*ARCHIVED_COLUMNS, *PLACEMENT_COLUMNS)


def recorded_homes(
    spark: SparkSession, place: DeltaPlace, *, version: int | None = None
) -> DataFrame | None:
    """Columns key, scored_epoch, home: of every key that has a dead letter `wrong_partition`.

    None before anything was archived; version: of the table of dead letters.
    """
    if not is_table(spark, place.path("dead-letter")):
        return None
    letters = archived_table(spark, place, "dead-letter", version=version)
    refusals = letters.where(header("reason_code") == reasons.WRONG_PARTITION)
    home = F.min(header("home_partition").cast("int")).alias("home")
    return refusals.groupBy("key", F.col("epoch").alias(SCORED_EPOCH)).agg(home)


def header(name: str) -> Column:
    """The text of a record's header `name`, from a frame with Kafka's column headers."""
    matches = F.filter("headers", lambda pair: pair["key"] == name)
    return F.get(matches, F.lit(0))["value"].cast("string")


def recorded_losses(spark: SparkSession, place: DeltaPlace) -> list[Loss]:
    """What the scenario's stream and archive never had, as recorded beside the archive."""
    return LossFiles(HadoopFiles(spark), place.path("losses", place.scenario)).read()


def is_lost(losses: Iterable[Loss]) -> Column:
    """Whether a row of the events table is one that the stream never scored."""
    condition = F.lit(False)
    for loss in losses:
        if loss.missing_in == "stream":
            condition = condition | is_in(loss)
    return condition


def is_in(loss: Loss) -> Column:
    """Whether a row of the archive lies in the range of `loss`."""
    is_there = (F.col("topic_id") == loss.topic_id) & (F.col("partition") == loss.partition)
    return is_there & (F.col("offset") >= loss.first) & (F.col("offset") < loss.end)
