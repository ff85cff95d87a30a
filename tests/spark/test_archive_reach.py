"""How far the archive reaches, whether it is whole, and where a rebuild may begin."""

import json
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

import pytest
from pyspark.sql import SparkSession

from batch.rebuild.archive_reach import (
    ArchiveBehind,
    HistoryLost,
    check_reach,
    told_upto,
)
from batch.records.archived import archived_records
from stores.delta.archived_control import archived_starts, record_of
from stores.delta.files import HadoopFiles
from stores.delta.tables import DeltaPlace
from stores.records.epochs import EpochRecord
from stores.records.losses import Loss, LossFiles, Missing
from tests.support.archives import Row, place_in, write_archive

MOMENT = datetime(2026, 11, 1, 12, tzinfo=UTC)


def event(offset: int, *, epoch: int = 1) -> Row:
    return b"m", b"{}", 0, offset, MOMENT, epoch


def prediction(offset: int, *, epoch: int = 1, log_offset: int | None = None) -> Row:
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
    place = archive(
        spark, tmp_path, [event(n) for n in range(5)], [prediction(n) for n in range(5)]
    )
    check_reach(spark, place, record(5), ends={0: 5}, predictions_id="t1")
    with pytest.raises(ArchiveBehind, match=r"tiny\.events-0 is archived up to offset 5, needed"):
        check_reach(spark, place, record(6), ends={0: 5}, predictions_id="t1")
    with pytest.raises(ArchiveBehind, match=r"tiny\.predictions-0 .* archive_stream"):
        check_reach(spark, place, record(5), ends={0: 6}, predictions_id="t1")


def test_missing_events_are_an_error_unless_they_were_erased(
    spark: SparkSession, tmp_path: Path
) -> None:
    events = [event(n) for n in (0, 1, 3, 4)]
    place = archive(spark, tmp_path / "gap", events, [prediction(4)])
    with pytest.raises(HistoryLost, match="lacks 1 events that were scored and not erased"):
        check_reach(spark, place, record(5), ends={0: 5}, predictions_id="t1")
    whole = archive(spark, tmp_path / "erased", [event(n) for n in range(5)], [prediction(4)])
    spark.sql(f"DELETE FROM delta.`{whole.path('events')}` WHERE offset = 2")
    check_reach(spark, whole, record(5), ends={0: 5}, predictions_id="t1")


def test_a_rebuild_begins_where_the_outcomes_without_a_hole_end(
    spark: SparkSession, tmp_path: Path
) -> None:
    predictions = [*map(prediction, (0, 1, 2, 3, 5)), prediction(3, log_offset=9)]  # 3 logged twice
    place = archive(spark, tmp_path, [event(n) for n in range(6)], predictions)
    assert told_upto(spark, place, _first(), begin={0: 2}) == {0: 4}
    assert told_upto(spark, place, _first(), begin={0: 4}) == {0: 4}


def test_outcomes_of_an_earlier_epoch_do_not_stand_for_those_of_the_present_one(
    spark: SparkSession, tmp_path: Path
) -> None:
    predictions = [prediction(n) for n in range(6)] + [prediction(3, epoch=2, log_offset=6)]
    place = archive(spark, tmp_path, [event(n) for n in range(6)], predictions)
    assert told_upto(spark, place, record(3), begin={0: 3}) == {0: 4}


def test_epochs_are_told_by_the_archive_when_their_record_is_lost(
    spark: SparkSession, tmp_path: Path
) -> None:
    events = [event(0, epoch=0), event(1), event(2), event(3, epoch=2)]
    place = archive(spark, tmp_path, events, [])
    newest = record_of(archived_starts(spark, place), topic="tiny.events")
    assert newest is not None
    assert (newest.epoch, newest.topic_id, dict(newest.first_offsets)) == (2, "t1", {0: 3})
    assert [(start.epoch, dict(start.first_offsets)) for start in newest.earlier] == [(1, {0: 1})]


def lost(first: int, end: int, *, missing_in: Missing) -> Loss:
    return Loss(
        topic="tiny.events",
        topic_id="t1",
        partition=0,
        first=first,
        end=end,
        missing_in=missing_in,
        epoch=1,
        accepted_at="2026-11-28T05:00:00Z",
        accepted_by="test",
    )


def test_what_the_stream_never_scored_is_missed_by_no_state(
    spark: SparkSession, tmp_path: Path
) -> None:
    losses = [lost(2, 4, missing_in="stream"), lost(2, 3, missing_in="archive")]
    events = [event(n) for n in (0, 1, 3, 4, 5)]  # 3 came to the archive, never to the stream
    predictions = [prediction(n) for n in (0, 1, 4, 5)]
    place = archive(spark, tmp_path, events, predictions)
    assert told_upto(spark, place, _first(), begin={0: 0}) == {0: 2}
    assert told_upto(spark, place, _first(), begin={0: 0}, losses=losses) == {0: 6}
    whole = check_reach(spark, place, record(6), ends={0: 6}, predictions_id="t1", losses=losses)
    assert whole is None
    LossFiles(HadoopFiles(spark), place.path("losses", "tiny")).write(losses)
    offsets = [row["offset"] for row in archived_records(spark, place, "events").collect()]
    assert sorted(offsets) == [0, 1, 4, 5]


def test_history_that_the_archive_lacks_is_refused_with_the_command_and_told_in_ranges(
    spark: SparkSession, tmp_path: Path
) -> None:
    # Scored up to 8; the archive lacks 0 and 1, 4, and all from 6 on, by gaps that were accepted.
    losses = [lost(0, 2, missing_in="archive"), lost(6, 8, missing_in="archive")]
    place = archive(
        spark, tmp_path, [event(n) for n in (2, 3, 5)], [prediction(n) for n in range(8)]
    )
    with pytest.raises(HistoryLost, match=r"lacks 5 events .* --accept-lost-history"):
        check_reach(spark, place, record(8), ends={0: 8}, predictions_id="t1", losses=losses)
    lost_history = check_reach(
        spark,
        place,
        record(8),
        ends={0: 8},
        predictions_id="t1",
        losses=losses,
        accepts_lost_history=True,
    )
    assert lost_history is not None
    assert sorted(lost_history.ranges) == [(0, 0, 2), (0, 4, 5), (0, 6, 8)]
    with pytest.raises(ArchiveBehind, match="needed is 9"):  # 8 is neither archived nor accepted
        check_reach(spark, place, record(9), ends={0: 8}, predictions_id="t1", losses=losses)
