"""A month of the archive in minutes: disk and time per append must not grow.

A real Delta table gets small commits dated on 30 days in a row; each midnight comes once per
simulated day, with the table's own maintenance. What Delta does by age is helped along: after each
day the log's files are dated a day back, and removed files are deleted at once, not two days later.
"""

import os
import statistics
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Annotated, Any
from uuid import uuid4

import typer
from pyspark.sql import DataFrame
from pyspark.sql import functions as F
from rich.console import Console
from rich.table import Table
from typer import Option

from bench.machine import tell_machine
from conf.settings import load_settings
from jobs.launcher.outcome import ending_with_exit_code
from jobs.spark.session import spark_session
from reports.terminal import Terminal
from stores.delta.tables import DeltaPlace
from streaming.archive.source import Slice
from streaming.archive.table import ArchiveTable

_DAY_SECONDS = 86_400
_FIRST_DAY = date(2026, 10, 1)
_MIB = 1 << 20
# Days before the log's own retention has passed do not count: it fills up first.
_SETTLED_AFTER_DAYS = 3
_CHECK = "spark.databricks.delta.retentionDurationCheck.enabled"


@dataclass(frozen=True, kw_only=True)
class Day:
    """One simulated day, after its maintenance.

    append_seconds          median of the day's appends
    bytes, files, log_files on disk: of the whole table, of its data, of its log
    """

    number: int
    append_seconds: float
    maintenance_seconds: float
    bytes: int
    files: int
    log_files: int


def main(
    days: Annotated[int, Option(min=5, help="Days to simulate.")] = 30,
    commits: Annotated[int, Option(min=1, help="Appends per day.")] = 24,
    records: Annotated[int, Option(min=1, help="Records per append.")] = 200,
) -> None:
    """Print a line per day; the last line compares the last third of the days with the first.

    Example: python -m bench.archive_month --days 30 --commits 24
    """
    console = Terminal(stderr=True)
    with ending_with_exit_code(console, verbose=False):
        tell_machine(console)
        with (
            tempfile.TemporaryDirectory(prefix="everscore-month-") as folder,
            spark_session(load_settings("local"), app_name="month", with_delta=True) as spark,
        ):
            place = DeltaPlace(root=folder, scenario="month", retention_days=400)
            archive = ArchiveTable(spark, place, "events", uuid4().hex)
            measured_days = []
            for day in simulated_days(archive, days=days, commits=commits, records=records):
                measured_days.append(day)
                console.print(
                    f"day {day.number}: append {day.append_seconds:.2f} s, maintenance "
                    f"{day.maintenance_seconds:.1f} s, {day.bytes / _MIB:.2f} MiB in "
                    f"{day.files} files, log {day.log_files} files",
                    highlight=False,
                )
        _show(console, measured_days)


def simulated_days(
    archive: ArchiveTable, *, days: int, commits: int, records: int
) -> Iterator[Day]:
    """Append to a new archive for so many days and look at it after each."""
    archive.make(None)
    spark = archive.spark
    spark.conf.set(_CHECK, "false")
    batch = offset = 0
    try:
        for number in range(days):
            day, seconds = _FIRST_DAY + timedelta(days=number), []
            for _ in range(commits):
                batch += 1
                part = _slice(offset, offset + records, batch)
                began = time.monotonic()
                archive.append(_rows(spark, part, day), part)
                seconds.append(time.monotonic() - began)
                offset += records
            began = time.monotonic()
            _midnight(archive, day + timedelta(days=1))
            spent = time.monotonic() - began
            yield _look(archive, number + 1, seconds, spent)
    finally:
        spark.conf.unset(_CHECK)


def _midnight(archive: ArchiveTable, today: date) -> None:
    """The table's maintenance as of a simulated `today`, with ages to suit."""
    aged = {"everscore.maintained": "", "delta.deletedFileRetentionDuration": "interval 0 seconds"}
    pairs = ", ".join(f"'{name}' = '{value}'" for name, value in aged.items())
    archive.spark.sql(f"ALTER TABLE delta.`{archive.path}` SET TBLPROPERTIES ({pairs})")
    archive.maintain(today)
    for path in Path(archive.path, "_delta_log").iterdir():
        status = path.stat()
        os.utime(path, (status.st_atime - _DAY_SECONDS, status.st_mtime - _DAY_SECONDS))


def _slice(begin: int, end: int, batch: int) -> Slice:
    return Slice(
        topic="month.events",
        topic_id="t1",
        begin={0: begin},
        end={0: end},
        epoch=F.lit(1),
        batch=batch,
    )


def _rows(spark: Any, part: Slice, day: date) -> DataFrame:
    """A record of about 200 bytes at every offset of `part`."""
    moment = datetime(day.year, day.month, day.day, 12, tzinfo=UTC)
    rows: DataFrame = spark.range(part.begin[0], part.end[0], 1, 1).select(
        F.lit(part.topic).alias("topic"),
        F.lit(part.topic_id).alias("topic_id"),
        F.lit(0).alias("partition"),
        F.col("id").alias("offset"),
        F.lit(1).alias("epoch"),
        F.lit(moment).alias("kafka_time"),
        F.lit(moment).alias("archived_at"),
        F.sha2(F.col("id").cast("string"), 256).cast("binary").alias("key"),
        F.sha2(F.col("id").cast("string"), 512).cast("binary").alias("value"),
        F.lit(None).cast("array<struct<key:string,value:binary>>").alias("headers"),
        F.lit(part.batch).cast("bigint").alias("archive_batch"),
        F.lit(day).alias("day"),
        F.lit(None).cast("string").alias("absent"),
        F.lit(None).cast("bigint").alias("until"),
    )
    return rows


def _look(archive: ArchiveTable, number: int, seconds: Sequence[float], spent: float) -> Day:
    files = [path for path in Path(archive.path).rglob("*") if path.is_file()]
    log = [path for path in files if path.parent.name == "_delta_log"]
    return Day(
        number=number,
        append_seconds=statistics.median(seconds),
        maintenance_seconds=spent,
        bytes=sum(path.stat().st_size for path in files),
        files=sum(path.suffix == ".parquet" for path in set(files) - set(log)),
        log_files=sum(path.suffix == ".json" for path in log),
    )


def _show(console: Console, days: Sequence[Day]) -> None:
    settled = days[_SETTLED_AFTER_DAYS:]
    third = max(1, len(settled) // 3)
    table = Table("", "first third", "last third", "of the settled days", box=None)
    first, last = settled[:third], settled[-third:]
    figures: list[list[float]] = []
    for name, unit in (
        ("append_seconds", "s per append"),
        ("maintenance_seconds", "s of maintenance"),
        ("log_files", "files of the log"),
    ):
        pair = [statistics.median(getattr(day, name) for day in part) for part in (first, last)]
        figures.append(pair)
        table.add_row(name, *(f"{figure:.2f}" for figure in pair), unit)
    growth = [(part[-1].bytes - part[0].bytes) / max(1, len(part) - 1) for part in (first, last)]
    table.add_row("bytes", *(f"{figure / _MIB:.3f}" for figure in growth), "MiB more per day")
    console.print(table)
    begin, end = figures[0]
    console.print(f"an append takes {end / begin:.2f} times as long in the last third")


if __name__ == "__main__":
    typer.run(main)
