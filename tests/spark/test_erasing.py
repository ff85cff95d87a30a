"""An erasure from real tables: rows, older files, the log; jobs that count offsets see no hole."""

import json
from datetime import UTC, datetime
from pathlib import Path

import msgspec
import pytest
from pyspark.sql import SparkSession

from batch.privacy.erasing import (
    Cut,
    ErasureNote,
    entity_rows,
    erase_records,
    erase_rows,
    named_records,
    remove_files,
    tables_of,
)
from batch.privacy.sought import Sought
from batch.rebuild.archive_reach import check_reach, told_upto
from batch.records.archived import archived_table
from batch.training.retrain import snapshot_now
from batch.training_sets.snapshots import load_training_set, record_at
from proofs.byte_search import files_with, needles_of
from stores.delta.tables import DeltaPlace, commits, read_table, rows_erased, write_new_table
from stores.records.epochs import EpochRecord
from tests.support.archives import Row, place_in, write_archive
from tests.support.tiny_snapshot import tiny_record, tiny_rows
from tests.support.tiny_versions import tiny_card

MOMENT = datetime(2026, 11, 1, 12, tzinfo=UTC)
ERASED = "machine-7f3a"
VALUE = 273.15128
SOUGHT = Sought((ERASED,), ("machine", "entity"))
NOTE = ErasureNote(reason="asked for", entities=1)


def event(offset: int, key: bytes | None, value: bytes) -> Row:
    return key, value, 0, offset, MOMENT, 1


def prediction(offset: int, entity: str) -> Row:
    row = {
        "prediction_id": f"tiny-1-0-{offset}-v1",
        "entity": entity,
        "source": {"topic": "tiny.events", "partition": 0, "offset": offset},
    }
    return entity.encode(), json.dumps(row).encode(), 0, offset, MOMENT, 1


def reading(machine: str) -> bytes:
    return json.dumps({"machine": machine, "temperature_c": VALUE}).encode()


EVENTS = [
    event(0, b"m1", reading("m1").replace(b"273", b"11")),
    event(1, ERASED.encode(), reading(ERASED)),
    event(2, b"m1", reading(ERASED)),  # under a wrong key
    event(3, None, reading(ERASED)),  # without one
    event(4, b"m2", b'{"machine":"machine-7f3a","temp'),  # cut off
    event(5, ERASED.encode(), b"\xff"),
    event(6, b"machine-7f3ab", b'{"machine":"machine-7f3ab"}'),  # somebody else
    event(7, ERASED.encode(), reading(ERASED)),  # the newest of all
]
PREDICTIONS = [prediction(offset, "m1" if offset in (0, 6) else ERASED) for offset in range(8)]


def archive(spark: SparkSession, folder: Path) -> DeltaPlace:
    place = place_in(folder, scenario="tiny")
    write_archive(spark, place, "events", EVENTS)
    write_archive(spark, place, "predictions", PREDICTIONS)
    write_archive(spark, place, "dead-letter", [])
    return place


def erase_archive(spark: SparkSession, place: DeltaPlace) -> int:
    total = 0
    for path in tables_of(spark, place).archive:
        total += erase_records(spark, path, SOUGHT, note=NOTE)
        remove_files(spark, path, with_statistics=False)
    return total


def first_epoch(*, first: int = 0) -> EpochRecord:
    return EpochRecord(
        epoch=1,
        topic="tiny.events",
        topic_id="t1",
        partitions=1,
        first_offsets={0: first},
        reason="test",
        begun_at="",
    )


def test_every_record_that_names_the_entity_is_emptied_and_no_byte_is_left(
    spark: SparkSession, tmp_path: Path
) -> None:
    place = archive(spark, tmp_path)
    assert named_records(spark, place.path("events"), SOUGHT).count() == 6
    assert files_with(tmp_path, needles_of(ERASED, VALUE))
    assert erase_archive(spark, place) == 12
    remaining = archived_table(spark, place, "events").select("offset").collect()
    assert sorted(row.offset for row in remaining) == [0, 6]
    assert read_table(spark, place.path("events"), made_by="").count() == 8
    # machine-7f3ab is somebody else, and its id begins alike
    needles = [f'"{ERASED}"'.encode(), *needles_of(ERASED, VALUE)[1:]]
    assert files_with(tmp_path, needles) == []
    assert erase_archive(spark, place) == 0  # again: nothing, and no error


def test_reach_and_outcomes_know_of_no_hole_where_records_were_erased(
    spark: SparkSession, tmp_path: Path
) -> None:
    place = archive(spark, tmp_path)
    erase_archive(spark, place)
    check_reach(spark, place, first_epoch(first=8), ends={0: 8}, predictions_id="t1")
    assert told_upto(spark, place, first_epoch(), begin={0: 0}) == {0: 8}


def test_records_after_the_cut_are_a_new_customers(spark: SparkSession, tmp_path: Path) -> None:
    place = archive(spark, tmp_path)
    path, cut = place.path("events"), Cut("t1", {0: 7})
    assert erase_records(spark, path, SOUGHT, note=NOTE, cut=cut) == 5
    (newest,) = named_records(spark, path, SOUGHT).collect()
    assert newest["offset"] == 7
    assert named_records(spark, path, SOUGHT, cut=cut).count() == 0
    other_topic = Cut("t2", {0: 0})  # the topic was recreated: all of the old one is older
    assert erase_records(spark, path, SOUGHT, note=NOTE, cut=other_topic) == 1


def test_snapshots_and_batch_runs_lose_rows_files_and_statistics(
    spark: SparkSession, tmp_path: Path
) -> None:
    place, rows = place_in(tmp_path, scenario="tiny"), tiny_rows()
    rows.loc[rows["entity"] == "m00003", "entity"] = ERASED
    snapshot = place.path("training_sets", "000001")
    note = msgspec.json.encode(tiny_record(snapshot, number=1)).decode()
    write_new_table(spark.createDataFrame(rows), snapshot, place=place, note=note)
    states = place.path("states", "20261128T000000Z")
    cells = spark.createDataFrame(
        [(ERASED, 1, b"x"), ("m1", 1, b"y")], "entity string, position bigint, cell binary"
    )
    write_new_table(cells, states, place=place, note="a run")
    unfinished = Path(place.path("batch_rows", "20261128T000000Z"))
    unfinished.mkdir(parents=True)
    (unfinished / "part-0.snappy.parquet").write_bytes(ERASED.encode())

    built = record_at(spark, snapshot)
    card = tiny_card(load_training_set(spark, built), built)

    tables = tables_of(spark, place)
    assert set(tables.entities) == {snapshot, states}
    assert list(tables.unfinished) == [str(unfinished)]
    unfinished.joinpath("part-0.snappy.parquet").unlink()
    counts = {}
    for path in tables.entities:
        counts[path] = erase_rows(spark, path, SOUGHT, note=NOTE)
        remove_files(spark, path, with_statistics=True)
        assert entity_rows(spark, path, SOUGHT).count() == 0
    assert counts[states] == 1
    assert counts[snapshot] >= 1
    assert files_with(tmp_path, [ERASED.encode()]) == []
    history = commits(spark, snapshot, made_by="")
    assert sum(map(rows_erased, history)) == counts[snapshot]
    assert "asked for" in str([commit.note for commit in history])
    record = record_at(spark, snapshot)
    assert record.number == 1  # what the build noted is still there
    # A retraining says what it lacks.
    now = snapshot_now(spark, card)
    assert [(erasure.rows, "asked for" in erasure.reason) for erasure in now.erasures] == [
        (counts[snapshot], True)
    ]
    assert ERASED not in now.rows.entities


@pytest.mark.parametrize("commits_after", [0, 12])
def test_the_log_of_an_older_version_forgets_statistics_and_conditions(
    spark: SparkSession, tmp_path: Path, commits_after: int
) -> None:
    """Older tables had bounds of ids in their log, and older erasures their conditions.

    commits_after: so many that the log has checkpoints, which repeat it.
    """
    place = place_in(tmp_path, scenario="tiny")
    path = place.path("states", "1")
    rows = spark.createDataFrame([(ERASED, 1.5), ("m1", 2.5)], "entity string, score double")
    rows.coalesce(1).write.format("delta").option("userMetadata", "a note").save(path)
    for number in range(commits_after):
        more = spark.createDataFrame([(f"x{number}", 0.5)], "entity string, score double")
        more.coalesce(1).write.format("delta").mode("append").save(path)
    spark.sql(f"DELETE FROM delta.`{path}` WHERE entity = '{ERASED}'")
    # Killed here: the rows are gone, their files and the log are not.
    assert erase_rows(spark, path, SOUGHT, note=NOTE) == 0
    assert files_with(tmp_path, [ERASED.encode()])
    remove_files(spark, path, with_statistics=True)
    assert files_with(tmp_path, [ERASED.encode()]) == []
    remaining = read_table(spark, path, made_by="")
    assert remaining.count() == 1 + commits_after
    assert commits(spark, path, made_by="")[-1].note == "a note"
    spark.sql(f"INSERT INTO delta.`{path}` VALUES ('m9', 1.0)")  # the log can be written on
    assert read_table(spark, path, made_by="").count() == 2 + commits_after


def test_an_older_erasures_condition_leaves_the_log_of_an_archive(
    spark: SparkSession, tmp_path: Path
) -> None:
    place = archive(spark, tmp_path)
    path = place.path("events")
    spark.sql(f"DELETE FROM delta.`{path}` WHERE CAST(key AS STRING) = '{ERASED}'")
    log = Path(path, "_delta_log")
    assert files_with(log, [ERASED.encode()])
    remove_files(spark, path, with_statistics=False)
    assert files_with(log, [ERASED.encode()]) == []
    assert sum(map(rows_erased, commits(spark, path, made_by=""))) == 3
