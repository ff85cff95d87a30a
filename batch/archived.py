"""Records as the archive holds them, for whatever folds or decodes them again."""

from pyspark.sql import Column, DataFrame, SparkSession
from pyspark.sql import functions as F

from features.arrow_records import ARCHIVED_COLUMNS
from stores.absent import present
from stores.delta import DeltaPlace, read_table

MADE_BY = "archive_stream"


def archived_table(
    spark: SparkSession, place: DeltaPlace, kind: str, *, version: int | None = None
) -> DataFrame:
    """All records in the archive table of `kind`: events, predictions, dead-letter or labels.

    Raises `TableAbsent`, `VersionAbsent` or `PastRetention`.
    """
    return present(archived_rows(spark, place, kind, version=version))


def archived_rows(
    spark: SparkSession, place: DeltaPlace, kind: str, *, version: int | None = None
) -> DataFrame:
    """The same table with the rows that stand for offsets without a record (stores/absent.py)."""
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

    Events from before the stream's first epoch are left out: the stream never folded them.
    until_ms: only what Kafka had by then (UTC epoch ms); version: of the table. Errors as in
    `archived_table`.
    """
    rows = archived_table(spark, place, kind, version=version).where(F.col("epoch") >= 1)
    if until_ms is not None:
        rows = rows.where(F.col("kafka_time") <= F.timestamp_millis(F.lit(until_ms)))
    return rows.withColumnRenamed("kafka_time", "timestamp").select(*ARCHIVED_COLUMNS)


def header(name: str) -> Column:
    """The text of a record's header `name`, from a frame with Kafka's column headers."""
    found = F.filter("headers", lambda each: each["key"] == name)
    return F.get(found, F.lit(0))["value"].cast("string")
