"""How far the archive reaches, whether it is whole, and where a rebuild may begin."""

import json
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

import pytest
from pyspark.sql import SparkSession

from batch.archive_reach import (
    ArchiveBehind,
    HistoryLost,
    archived_epoch,
    check_reach,
    told_upto,
)
from stores.delta import DeltaPlace
from stores.epochs import EpochRecord
from tests.support.archives import Row, place_in, write_archive

MOMENT = datetime(2026, 11, 1, 12, tzinfo=UTC)


def event(offset: int, *, epoch: int = 1) -> Row:
    return b"m", b"{}", 0, offset, MOMENT, epoch


def told(offset: int, *, epoch: int = 1, log_offset: int | None = None) -> Row:
    row = {
        "prediction_id": f"tiny-{epoch}-0-{offset}-v1",
        "source": {"topic": "tiny.events", "partition": 0, "offset": offset},
    }
    at = offset if log_offset is None else log_offset
    return b"m", json.dumps(row).encode(), 0, at, MOMENT, epoch


def record(first: int, *, epoch: int = 2) -> EpochRecord:
    return EpochRecord(
        epoch=epoch,
        topic="tiny.events",
        topic_id="t1",
        partitions=1,
        first_offsets={0: first},
        reason="test",
        begun_at="",
        earlier=_first().starts,
    )


def _first() -> EpochRecord:
    return EpochRecord(
        epoch=1,
        topic="tiny.events",
        topic_id="t1",
        partitions=1,
        first_offsets={0: 0},
        reason="first start",
        begun_at="",
    )


def archive(
    spark: SparkSession, folder: Path, events: Sequence[Row], predictions: Sequence[Row]
) -> DeltaPlace:
    place = place_in(folder, scenario="tiny")
    write_archive(spark, place, "events", events)
    write_archive(spark, place, "predictions", predictions)
    write_archive(spark, place, "dead-letter", [])
    return place


def test_an_archive_that_is_whole_passes_and_one_that_is_behind_names_the_job(
    spark: SparkSession, tmp_path: Path
) -> None:
    place = archive(spark, tmp_path, [event(n) for n in range(5)], [told(n) for n in range(5)])
    check_reach(spark, place, record(5), ends={0: 5}, predictions_id="t1")
    with pytest.raises(ArchiveBehind, match=r"tiny\.events-0 is archived up to offset 5, needed"):
        check_reach(spark, place, record(6), ends={0: 5}, predictions_id="t1")
    with pytest.raises(ArchiveBehind, match=r"tiny\.predictions-0 .* archive_stream"):
        check_reach(spark, place, record(5), ends={0: 6}, predictions_id="t1")


def test_missing_events_are_an_error_unless_they_were_erased(
    spark: SparkSession, tmp_path: Path
) -> None:
    kept = [event(n) for n in (0, 1, 3, 4)]
    place = archive(spark, tmp_path / "gap", kept, [told(4)])
    with pytest.raises(HistoryLost, match="lacks 1 events that were not erased"):
        check_reach(spark, place, record(5), ends={0: 5}, predictions_id="t1")
    whole = archive(spark, tmp_path / "erased", [event(n) for n in range(5)], [told(4)])
    spark.sql(f"DELETE FROM delta.`{whole.path('events')}` WHERE offset = 2")
    check_reach(spark, whole, record(5), ends={0: 5}, predictions_id="t1")


def test_a_rebuild_begins_where_the_outcomes_without_a_hole_end(
    spark: SparkSession, tmp_path: Path
) -> None:
    predictions = [told(n) for n in (0, 1, 2, 3, 5)] + [told(3, log_offset=9)]  # 3 told twice
    place = archive(spark, tmp_path, [event(n) for n in range(6)], predictions)
    assert told_upto(spark, place, _first(), begin={0: 2}) == {0: 4}
    assert told_upto(spark, place, _first(), begin={0: 4}) == {0: 4}


def test_outcomes_of_an_earlier_epoch_do_not_stand_for_those_of_the_present_one(
    spark: SparkSession, tmp_path: Path
) -> None:
    predictions = [told(n) for n in range(6)] + [told(3, epoch=2, log_offset=6)]
    place = archive(spark, tmp_path, [event(n) for n in range(6)], predictions)
    assert told_upto(spark, place, record(3), begin={0: 3}) == {0: 4}


def test_epochs_are_told_by_the_archive_when_their_record_is_lost(
    spark: SparkSession, tmp_path: Path
) -> None:
    events = [event(0, epoch=0), event(1), event(2), event(3, epoch=2)]
    place = archive(spark, tmp_path, events, [])
    found = archived_epoch(spark, place, topic="tiny.events")
    assert found is not None
    assert (found.epoch, found.topic_id, dict(found.first_offsets)) == (2, "t1", {0: 3})
    assert [(each.epoch, dict(each.first_offsets)) for each in found.earlier] == [(1, {0: 1})]
