"""Refused labels and outcomes, each position once: the Delta table `refused_labels`.

The table names position, reason and arrival, and nobody: what a record says stands in the archive
alone, where an erasure reaches it. Whoever looks again adds nothing (a merge by position).
"""

from typing import Any

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from stores.delta.tables import DeltaPlace, is_table, read_table

TABLE = "refused_labels"
POSITION = ("kind", "epoch", "partition", "offset")
_MADE_BY = "monitor"
_COLUMNS = (
    "kind string, epoch int, partition int, offset bigint, arrived_ms bigint, reason string,"
    " recorded_at timestamp"
)


def refused_records(label_rows: DataFrame, posted: DataFrame) -> DataFrame:
    """Columns `POSITION`, arrived_ms and reason (a code of features/events/reasons.py).

    label_rows: `batch.training_sets.outcomes.outcomes`; posted: `posted_outcomes`. epoch: which
    incarnation of the labels or outcomes topic it was, from 1 on.
    """
    frames = [
        rows.where(F.col("refusal").isNotNull()).select(
            F.lit(kind).alias("kind"),
            "epoch",
            "partition",
            "offset",
            "arrived_ms",
            F.col("refusal").alias("reason"),
        )
        for kind, rows in (("labels", label_rows), ("outcomes", posted))
    ]
    return frames[0].unionByName(frames[1])


def record_refusals(spark: SparkSession, place: DeltaPlace, refused: DataFrame) -> int:
    """Add those of `refused` whose position is not in the table yet; returns how many that were.

    The first reason that was recorded for a position stays. One process may do it at a time.
    """
    from delta.tables import DeltaTable
    from pyspark.sql.types import StructType

    path = place.path(TABLE)
    columns: Any = StructType.fromDDL(_COLUMNS)
    maker = DeltaTable.createIfNotExists(spark).location(path).addColumns(columns)
    for name, value in place.properties.items():
        maker = maker.property(name, value)
    table = maker.execute()
    before = recorded_refusals(spark, place).count()
    once = refused.dropDuplicates(list(POSITION)).withColumn("recorded_at", F.current_timestamp())
    same = " AND ".join(f"t.{name} = s.{name}" for name in POSITION)
    table.alias("t").merge(once.alias("s"), same).whenNotMatchedInsertAll().execute()
    return recorded_refusals(spark, place).count() - before


def recorded_refusals(spark: SparkSession, place: DeltaPlace) -> DataFrame:
    """The table's rows; none before anything was recorded."""
    if not is_table(spark, place.path(TABLE)):
        return spark.createDataFrame([], _COLUMNS)
    return read_table(spark, place.path(TABLE), made_by=_MADE_BY)
