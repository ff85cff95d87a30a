"""A small Spark that does what jobs do, while Java notes the classes and archives them at its end.

Started by jobs/spark/class_archive.py: `python -m jobs.spark.class_warmup FOLDER ARCHIVE`.
"""

import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as f

from conf.settings import Settings, load_settings
from jobs.spark.properties import java_option
from jobs.spark.session import spark_session

_SETTINGS = (
    "spark.class_archive=false",
    "spark.conf.spark.python.daemon.module=pyspark.daemon",  # no model is loaded here
)
_JAVA_OPTIONS = "spark.driver.extraJavaOptions"


def main(folder: Path, archive: Path) -> None:
    """Write `archive`; what Spark leaves behind goes to `folder`."""
    with spark_session(_settings(folder, archive), app_name="classes", with_delta=True) as spark:
        java = spark.sparkContext._gateway.proc  # type: ignore[union-attr]
        _tables(spark, str(folder / "table"))
        _stream(spark, folder)
    # Java writes the archive when its input ends; a Python that is gone first would not wait.
    java.stdin.close()
    os._exit(java.wait())  # objects of Java that Python still holds would call it once more


def _settings(folder: Path, archive: Path) -> Settings:
    options = f"-XX:TieredStopAtLevel=1 {java_option(f'-XX:ArchiveClassesAtExit={archive}')}"
    return load_settings(
        "local",
        overrides=[
            *_SETTINGS,
            f"platform.run_dir={folder / 'run'}",
            f"spark.conf.{_JAVA_OPTIONS}={options}",
        ],
    )


def _tables(spark: SparkSession, path: str) -> None:
    """Batch work: aggregates, windows, joins, Arrow functions, Delta tables."""
    rows = _columns(spark.range(100))
    counts = rows.groupBy("key").agg(f.count("*").alias("count"), f.max("time").alias("last"))
    joined = rows.join(counts, "key").orderBy("id").coalesce(1)
    joined.write.format("delta").save(path)
    table = spark.read.format("delta").load(path)
    table.mapInArrow(_unchanged, table.schema).toArrow()


def _stream(spark: SparkSession, folder: Path) -> None:
    """A stream of a micro-batch or two, which an Arrow function passes on."""
    source = spark.readStream.format("rate-micro-batch").option("rowsPerBatch", 100).load()
    rows = _columns(source.selectExpr("value as id"))
    query = (
        rows.mapInArrow(_unchanged, rows.schema)
        .writeStream.format("noop")
        .option("checkpointLocation", str(folder / "checkpoint"))
        .start()
    )
    while len(query.recentProgress) < 2 and query.isActive:
        query.awaitTermination(1)
    query.stop()


def _columns(ids: DataFrame) -> DataFrame:
    """Of the kinds that events have."""
    return ids.select(
        "id",
        f.concat(f.lit("k"), f.col("id") % 7).alias("key"),
        f.col("id").cast("string").cast("binary").alias("value"),
        f.timestamp_millis(f.col("id") * 1_000).alias("time"),
        f.array(f.struct(f.lit("name").alias("key"), f.lit(b"1").alias("value"))).alias("headers"),
    )


def _unchanged(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    yield from batches


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
