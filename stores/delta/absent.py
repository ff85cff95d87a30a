"""Offsets of an archived topic that hold no record: rows that say which, and why.

Every row of an archive table stands for a record, or for the offsets from `offset` up to but not
including `until` that hold none: `absent` says why. So a table's reach and its counts can be read
from its rows alone, whatever was erased and whatever Kafka never held. Readers of records leave
such rows out; only who counts offsets sees them.
"""

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

ERASED = "erased"  # there was a record; it was erased at somebody's request
GAP = "gap"  # Kafka holds no readable record: markers and aborted records of transactions

COLUMNS = "absent string, until bigint"


def present(rows: DataFrame) -> DataFrame:
    """The rows that are records; a table from before the columns holds nothing else."""
    return rows.where(F.col("absent").isNull()) if "absent" in rows.columns else rows


def absent(rows: DataFrame) -> DataFrame:
    """The rows that stand for offsets without a record."""
    return rows.where(F.col("absent").isNotNull()) if "absent" in rows.columns else rows.limit(0)


def end_of(rows: DataFrame) -> Column:
    """The offset after those that a row of `rows` stands for."""
    following = F.col("offset") + 1
    return F.coalesce(F.col("until"), following) if "until" in rows.columns else following


def offsets_of(rows: DataFrame) -> DataFrame:
    """`rows` with one row for each offset that they stand for."""
    covered = F.sequence(F.col("offset"), end_of(rows) - 1)
    return rows.withColumn("offset", F.explode(covered))
