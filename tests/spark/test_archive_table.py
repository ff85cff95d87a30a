"""Appends to a real archive table: its position is known whatever was erased from it."""

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from uuid import uuid4

import pytest
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from stores.delta.absent import ERASED, present
from stores.delta.tables import read_table
from streaming.archive.source import COLUMNS, STATISTICS, Slice
from streaming.archive.table import AnotherArchiver, ArchiveTable
from tests.support.archives import place_in

MOMENT = datetime(2026, 11, 1, 12, tzinfo=UTC)
OLD_COLUMNS = COLUMNS.partition(", absent")[0]


def table(spark: SparkSession, folder: Path) -> ArchiveTable:
    return ArchiveTable(spark, place_in(folder, scenario="tiny"), "events", uuid4().hex)


def piece(begin: Mapping[int, int], end: Mapping[int, int], *, batch: int) -> Slice:
    return Slice(
        topic="tiny.events", topic_id="t1", begin=begin, end=end, epoch=F.lit(1), batch=batch
    )


def rows_of(spark: SparkSession, part: Slice, *, columns: str = COLUMNS) -> DataFrame:
    """A record at every offset of `part`, each of another machine."""
    rows = [
        ("tiny.events", "t1", partition, offset, 1, MOMENT, MOMENT, b"m%d" % offset, b"{}", None)
        + (part.batch, MOMENT.date())
        + ((None, None) if columns == COLUMNS else ())
        for partition, first in part.begin.items()
        for offset in range(first, part.end[partition])
    ]
    return spark.createDataFrame(rows, columns)


def append(archive: ArchiveTable, part: Slice) -> int:
    return archive.append(rows_of(archive.spark, part), part)


def erase_from(archive: ArchiveTable, *, offset: int) -> None:
    """What the eraser leaves of every row from `offset` on."""
    path = f"delta.`{archive.path}`"
    archive.spark.sql(f"ALTER TABLE {path} SET TBLPROPERTIES ('delta.appendOnly' = 'false')")
    archive.spark.sql(
        f"UPDATE {path} SET key = NULL, value = NULL, absent = '{ERASED}' WHERE offset >= {offset}"
    )


def test_the_newest_rows_erased_leave_the_position_where_it_was(
    spark: SparkSession, tmp_path: Path
) -> None:
    archive = table(spark, tmp_path)
    archive.make(None)
    assert append(archive, piece({0: 0, 1: 0}, {0: 3, 1: 2}, batch=1)) == 5
    assert append(archive, piece({0: 3, 1: 2}, {0: 6, 1: 2}, batch=2)) == 3
    before = archive.position("t1")
    assert (dict(before.offsets), before.batch) == ({0: 6, 1: 2}, 2)
    erase_from(archive, offset=3)
    again = table(spark, tmp_path).position("t1")
    assert (dict(again.offsets), again.batch) == ({0: 6, 1: 2}, 2)
    assert append(archive, piece({0: 6, 1: 2}, {0: 7, 1: 2}, batch=again.batch + 1)) == 1
    live = present(read_table(spark, archive.path, made_by="archive_stream"))
    assert sorted((row.partition, row.offset) for row in live.collect()) == [
        (0, 0),
        (0, 1),
        (0, 2),
        (0, 6),
        (1, 0),
        (1, 1),
    ]


def test_rows_say_how_far_a_table_reaches_when_its_commits_do_not(
    spark: SparkSession, tmp_path: Path
) -> None:
    archive = table(spark, tmp_path)
    archive.make(None)
    append(archive, piece({0: 0}, {0: 3}, batch=1))
    for number in range(21):  # the append is no longer among the newest commits
        spark.sql(f"ALTER TABLE delta.`{archive.path}` SET TBLPROPERTIES ('x' = '{number}')")
    erase_from(archive, offset=1)
    position = archive.position("t1")
    assert (dict(position.offsets), position.batch) == ({0: 3}, 1)


def test_another_incarnation_of_the_topic_begins_at_its_own_start(
    spark: SparkSession, tmp_path: Path
) -> None:
    archive = table(spark, tmp_path)
    archive.make(None)
    append(archive, piece({0: 0}, {0: 3}, batch=1))
    position = archive.position("t2")
    assert (dict(position.offsets), position.batch) == ({}, 1)


def test_offsets_without_a_record_are_not_read_again(spark: SparkSession, tmp_path: Path) -> None:
    archive = table(spark, tmp_path)
    archive.make(None)
    part = piece({0: 0}, {0: 9}, batch=1)
    records = rows_of(spark, part).where("offset < 7")  # 7 and 8 are a transaction's markers
    assert archive.append(records, part) == 7
    assert dict(archive.position("t1").offsets) == {0: 9}


def test_of_two_appends_with_one_number_one_is_refused(spark: SparkSession, tmp_path: Path) -> None:
    first, second = table(spark, tmp_path), table(spark, tmp_path)
    first.make(None)
    append(first, piece({0: 0}, {0: 3}, batch=1))
    with pytest.raises(AnotherArchiver, match="another archiver has written batch 1"):
        append(second, piece({0: 0}, {0: 3}, batch=1))
    assert read_table(spark, first.path, made_by="archive_stream").count() == 3


def test_a_table_of_an_older_version_is_read_and_gets_the_new_columns(
    spark: SparkSession, tmp_path: Path
) -> None:
    archive = table(spark, tmp_path)
    old = rows_of(spark, piece({0: 0}, {0: 4}, batch=3), columns=OLD_COLUMNS)
    old.write.format("delta").partitionBy("day").save(archive.path)
    assert present(read_table(spark, archive.path, made_by="archive_stream")).count() == 4
    archive.make(None)
    position = archive.position("t1")
    assert (dict(position.offsets), position.batch) == ({0: 4}, 3)
    append(archive, piece({0: 4}, {0: 5}, batch=4))
    assert dict(archive.position("t1").offsets) == {0: 5}


def test_the_log_keeps_no_statistics_of_keys_and_values(
    spark: SparkSession, tmp_path: Path
) -> None:
    archive = table(spark, tmp_path)
    archive.make(None)
    append(archive, piece({0: 0}, {0: 3}, batch=1))
    lines = [
        line
        for path in sorted(Path(archive.path, "_delta_log").glob("*.json"))
        for line in path.read_text(encoding="utf-8").splitlines()
    ]
    added = [json.loads(line)["add"] for line in lines if '"add"' in line[:10]]
    bounds = [json.loads(action["stats"]).get("minValues", {}) for action in added]
    # Of positions there are some.
    assert min(minimums["offset"] for minimums in bounds if minimums) == 0
    assert {name for minimums in bounds for name in minimums} <= set(STATISTICS.split(","))
