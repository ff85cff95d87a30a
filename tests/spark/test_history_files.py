"""The history of an entity from tables that Spark wrote: appends, merges, erasures, checkpoints."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

from pyspark.sql import SparkSession
from pyspark.sql import functions as F

from serving.rows.history import history_of
from stores.delta.absent import ERASED
from stores.delta.live_files import LiveFiles
from stores.delta.tables import read_table, sql_name
from stores.records.erasures import ErasedEntities
from streaming.archive.source import COLUMNS, Slice
from streaming.archive.table import ArchiveTable
from tests.scenarios.tiny import SCENARIO
from tests.support.archives import place_in

NOW = datetime.now(UTC).replace(microsecond=0)
APPENDS = 4


def append(archive: ArchiveTable, number: int) -> None:
    """Twenty records of two machines, ten of each, on two days."""
    begin = number * 20
    rows = [
        (
            *("tiny.events", "t1", 0, offset, 1, at, at, b"m%d" % (offset % 2)),
            *(json.dumps({"machine": f"m{offset % 2}", "n": offset}).encode(), None),
            *(number, at.date(), None, None),
        )
        for offset in range(begin, begin + 20)
        for at in [NOW - timedelta(hours=24 * (offset % 4 // 2), milliseconds=500 - offset)]
    ]
    part = Slice(
        topic="tiny.events",
        topic_id="t1",
        begin={0: begin},
        end={0: begin + 20},
        epoch=F.lit(1),
        batch=number + 1,
    )
    archive.append(archive.spark.createDataFrame(rows, COLUMNS), part)


def test_history_follows_the_table_through_all_that_is_done_to_it(
    spark: SparkSession, tmp_path: Path
) -> None:
    place = place_in(tmp_path, scenario="tiny")
    archive = ArchiveTable(spark, place, "events", "test")
    archive.make(None)
    history = history_of(SCENARIO, place.path, ErasedEntities)

    def offsets() -> list[int]:
        page = history.page("m1", NOW, limit=200)
        assert page.reaches["events"].records_until is not None
        return [entry.offset for entry in page.entries]

    def files() -> set[str]:
        paths = (file.path for file in LiveFiles(place.path("events"), "x").current())
        return {Path(path).name for path in paths}

    def files_by_spark() -> set[str]:
        frame = read_table(spark, place.path("events"), made_by="x")
        return {Path(path).name for path in frame.inputFiles()}

    for number in range(APPENDS):
        append(archive, number)
        assert len(offsets()) == 10 * (number + 1)
    newest = [offset for offset in range(79, 0, -2) if offset % 4 == 1]
    older = [offset for offset in range(79, 0, -2) if offset % 4 == 3]
    assert offsets() == newest + older
    (entry,) = history.page("m1", NOW, limit=1).entries
    assert entry.at_ms == int(NOW.timestamp() * 1000) - 500 + newest[0]

    archive.merge_small_files(NOW.date())
    assert offsets() == newest + older
    assert files() == files_by_spark()

    table = sql_name(archive.path)
    spark.sql(f"ALTER TABLE {table} SET TBLPROPERTIES ('delta.appendOnly' = 'false')")
    emptied = f"key = NULL, value = NULL, absent = '{ERASED}'"
    spark.sql(f"UPDATE {table} SET {emptied} WHERE offset >= 70")
    assert offsets() == [offset for offset in newest + older if offset < 70]
    assert files() == files_by_spark()

    spark.sql(f"ALTER TABLE {table} SET TBLPROPERTIES ('delta.checkpointInterval' = '1')")
    append(archive, APPENDS)
    assert (tmp_path / "tiny" / "events" / "_delta_log" / "_last_checkpoint").exists()
    assert files() == files_by_spark()
    assert len(offsets()) == 45
