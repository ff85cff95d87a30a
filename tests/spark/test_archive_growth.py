"""Days of a real archive table: closed days are merged once, and nothing piles up."""

from collections import Counter
from datetime import date, timedelta
from pathlib import Path
from uuid import uuid4

from pyspark.sql import SparkSession

from bench.archive_month import simulated_days
from stores.delta.tables import commits, read_table
from streaming.archive.table import CROWDED_FILES, ArchiveTable
from tests.support.archives import place_in

DAYS, COMMITS, RECORDS = 3, CROWDED_FILES, 20


def test_closed_days_are_merged_once_and_disk_and_log_stay_flat(
    spark: SparkSession, tmp_path: Path
) -> None:
    archive = ArchiveTable(spark, place_in(tmp_path, scenario="month"), "events", uuid4().hex)
    days = list(simulated_days(archive, days=DAYS, commits=COMMITS, records=RECORDS))

    rows = read_table(spark, archive.path, made_by="archive_stream")
    assert rows.count() == rows.select("offset").distinct().count() == DAYS * COMMITS * RECORDS
    assert set(archive.files_by_day().values()) == {1}
    # On disk as well: what was merged is gone, so a day adds one file.
    assert [day.files for day in days] == list(range(1, DAYS + 1))
    merged = Counter(
        commit.counts["numRemovedFiles"]
        for commit in commits(spark, archive.path, made_by="archive_stream")
        if commit.operation == "OPTIMIZE"
    )
    assert set(merged) == {str(COMMITS)}  # a day's own files, and never those of an earlier one
    assert archive.position("t1").batch == DAYS * COMMITS


def test_maintenance_comes_once_a_day_and_leaves_days_alone_that_are_not_crowded(
    spark: SparkSession, tmp_path: Path
) -> None:
    archive = ArchiveTable(spark, place_in(tmp_path, scenario="month"), "events", uuid4().hex)
    list(simulated_days(archive, days=2, commits=CROWDED_FILES - 1, records=5))
    assert set(archive.files_by_day().values()) == {CROWDED_FILES - 1}
    tomorrow = max(archive.files_by_day()) + timedelta(days=2)
    maintenance = archive.maintain(tomorrow)
    assert maintenance is not None
    assert list(maintenance.merged_days) == []
    again = ArchiveTable(spark, archive.place, "events", uuid4().hex)  # another process
    assert again.maintain(tomorrow) is None
    assert again.maintain(date(2026, 1, 1)) is None  # a clock that went back


def test_a_merge_within_the_day_leaves_the_rows_and_other_days_alone(
    spark: SparkSession, tmp_path: Path
) -> None:
    archive = ArchiveTable(spark, place_in(tmp_path, scenario="month"), "events", uuid4().hex)
    list(simulated_days(archive, days=2, commits=3, records=5))
    newest = max(archive.files_by_day())
    before = sorted(row.offset for row in read_table(spark, archive.path, made_by="").collect())
    archive.merge_small_files(newest)
    assert archive.files_by_day()[newest] == 1
    assert archive.files_by_day()[newest - timedelta(days=1)] == 3
    after = sorted(row.offset for row in read_table(spark, archive.path, made_by="").collect())
    assert after == before
