"""Archive tables in a folder, written from a test's own records: reading them needs no Kafka."""

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

from pyspark.sql import SparkSession

from stores.delta.tables import DeltaPlace, write_new_table
from streaming.archive.source import COLUMNS

# key, value, partition, offset, Kafka's time, epoch: as in `ARCHIVED_COLUMNS`.
Row = tuple[bytes | None, bytes | None, int, int, datetime, int]


def place_in(folder: Path, *, scenario: str) -> DeltaPlace:
    """Tables of `scenario` in `folder`."""
    return DeltaPlace(root=str(folder), scenario=scenario, retention_days=30)


def write_archive(
    spark: SparkSession, place: DeltaPlace, kind: str, rows: Sequence[Row], *, topic_id: str = "t1"
) -> None:
    """Write the archive table `kind` with these records."""
    topic = f"{place.scenario}.{kind}"
    full = [
        (
            topic,
            topic_id,
            partition,
            offset,
            epoch,
            at,
            at,
            key,
            value,
            None,
            1,
            at.date(),
            None,
            None,
        )
        for key, value, partition, offset, at, epoch in rows
    ]
    frame = spark.createDataFrame(full, COLUMNS)
    write_new_table(frame, place.path(kind), place=place, note="made in a test")
