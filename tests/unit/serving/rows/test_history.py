"""The history of an entity, from archive tables that were written without Spark."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from serving.rows.history import EntityHistory, Entry, HistoryUnavailable, history_of
from serving.rows.history_routes import router
from stores.delta.live_files import LiveFiles, TableUnreadable
from stores.records.erasures import ErasedEntities, Erasure, mark_of
from tests.scenarios.tiny import SCENARIO
from tests.support.archive_files import ArchiveFolder, archived
from tests.support.desk import desk_of

NOW = datetime(2026, 11, 29, 12, tzinfo=UTC)
DAY = timedelta(days=1)


def event(offset: int, *, at: datetime, entity: str = "m1") -> dict[str, Any]:
    value = {"type": "reading", "machine": entity, "event_time": at.isoformat(), "n": offset}
    return archived(entity, json.dumps(value).encode(), at=at, offset=offset)


def prediction(offset: int, *, at: datetime, of_event: int | None = None) -> dict[str, Any]:
    source = offset if of_event is None else of_event
    value = {
        "prediction_id": f"tiny-1-0-{source}-v1",
        "entity": "m1",
        "event_time": at.isoformat(),
        "source": {"topic": "tiny.events", "partition": 0, "offset": source},
    }
    return archived("m1", json.dumps(value).encode(), at=at, offset=offset)


@pytest.fixture
def events(tmp_path: Path) -> ArchiveFolder:
    return ArchiveFolder(tmp_path / "events", "events")


@pytest.fixture
def predictions(tmp_path: Path) -> ArchiveFolder:
    return ArchiveFolder(tmp_path / "predictions", "predictions")


def history(folder: Path, erased: ErasedEntities | None = None) -> EntityHistory:
    return history_of(SCENARIO, lambda kind: str(folder / kind), lambda: erased or ErasedEntities())


def offsets(entries: Any) -> list[tuple[str, int]]:
    return [(entry.kind, entry.offset) for entry in entries]


def all_entries(reader: EntityHistory, *, limit: int, days: int = 30) -> list[Entry]:
    entries: list[Entry] = []
    cursor = None
    while True:
        page = reader.page("m1", NOW, days=days, limit=limit, cursor=cursor)
        assert len(page.entries) <= limit
        entries += page.entries
        cursor = page.cursor
        if cursor is None:
            return entries


def test_events_and_predictions_of_one_entity_come_newest_first(
    tmp_path: Path, events: ArchiveFolder, predictions: ArchiveFolder
) -> None:
    events.append([event(n, at=NOW - n * timedelta(hours=7)) for n in range(6)])
    events.append([event(9, at=NOW, entity="m2"), archived(None, None, at=NOW, offset=10)])
    predictions.append([prediction(n, at=NOW - n * timedelta(hours=7)) for n in range(6)])
    page = history(tmp_path).page("m1", NOW)
    expected = [(kind, n) for n in range(6) for kind in ("predictions", "events")]
    assert offsets(page.entries) == expected
    assert page.cursor is None
    assert set(page.reaches) == {"events", "predictions"}
    assert page.reaches["events"].records_until == "2026-11-29T12:00:00.000+00:00"


@pytest.mark.parametrize("limit", [1, 2, 5, 50])
def test_pages_have_every_entry_once_also_at_one_time(
    tmp_path: Path, events: ArchiveFolder, limit: int
) -> None:
    events.append([event(n, at=NOW - (n // 7) * DAY) for n in range(20)])
    expected = sorted(range(20), key=lambda n: (-(n // 7), n), reverse=True)
    assert [entry.offset for entry in all_entries(history(tmp_path), limit=limit)] == expected


def test_only_the_days_that_are_asked_for_are_read(tmp_path: Path, events: ArchiveFolder) -> None:
    events.append([event(n, at=NOW - n * DAY) for n in range(10)])
    assert len(all_entries(history(tmp_path), limit=50, days=3)) == 3
    assert len(all_entries(history(tmp_path), limit=1, days=3)) == 3


def test_a_reading_that_takes_long_ends_at_a_day_and_goes_on(
    tmp_path: Path, events: ArchiveFolder
) -> None:
    events.append([event(n, at=NOW - n * DAY) for n in range(4)])
    whole = history(tmp_path)
    seconds = iter(range(0, 1_000, 10))
    slow = EntityHistory(
        SCENARIO, whole.tables, whole.erased, most_seconds=5, clock=lambda: next(seconds)
    )
    assert [entry.offset for entry in slow.page("m1", NOW).entries] == [0]
    assert [entry.offset for entry in all_entries(slow, limit=50)] == [0, 1, 2, 3]


def test_a_prediction_that_kafka_has_twice_is_one_entry(
    tmp_path: Path, predictions: ArchiveFolder
) -> None:
    predictions.append([prediction(5, at=NOW), prediction(6, at=NOW, of_event=5)])
    assert len(history(tmp_path).page("m1", NOW).entries) == 1


def test_what_is_left_of_an_erased_entity_is_not_shown(
    tmp_path: Path, events: ArchiveFolder, predictions: ArchiveFolder
) -> None:
    begun = NOW - 2 * DAY
    erasure = Erasure(
        id="1",
        salt="s",
        marks=(mark_of("m1", "s"),),
        reason="asked for",
        begun_at=begun.isoformat(),
        epoch=1,
        first_offsets={0: 4},
    )
    events.append([event(n, at=begun + (n - 3) * timedelta(hours=1)) for n in range(8)])
    predictions.append([prediction(n, at=begun + (n - 3) * timedelta(hours=1)) for n in range(8)])
    page = history(tmp_path, ErasedEntities((erasure,))).page("m1", NOW)
    assert sorted(offsets(page.entries)) == [
        (kind, n) for kind in ("events", "predictions") for n in range(4, 8)
    ]


def test_files_that_were_merged_or_removed_are_followed(
    tmp_path: Path, events: ArchiveFolder
) -> None:
    reader = history(tmp_path)
    first = events.append([event(0, at=NOW)])
    assert len(reader.page("m1", NOW).entries) == 1
    second = events.append([event(1, at=NOW)])
    assert len(reader.page("m1", NOW).entries) == 2
    events.commit([{"remove": {"path": path}} for path in (*first, *second)])
    merged = events.append([event(0, at=NOW), event(1, at=NOW)])
    assert len(reader.page("m1", NOW).entries) == 2
    # A log that begins at a checkpoint, for a reader that has followed and for a new one.
    (path,) = merged
    added = {"path": path, "partitionValues": {"day": "2026-11-29"}}
    events.append([event(2, at=NOW)])
    events.append([event(3, at=NOW)])
    events.checkpoint([{"add": added}])
    events.append([event(4, at=NOW)])
    for following in (reader, history(tmp_path)):
        assert [entry.offset for entry in following.page("m1", NOW).entries] == [4, 1, 0]


def test_a_file_that_vanished_means_read_again(tmp_path: Path, events: ArchiveFolder) -> None:
    reader = history(tmp_path)
    events.append([event(0, at=NOW)])
    reader.tables["events"].current()
    for file in (tmp_path / "events").glob("day=*/*.parquet"):
        file.unlink()
    with pytest.raises(HistoryUnavailable, match="ask again"):
        reader.page("m1", NOW)


def test_a_table_with_features_that_need_spark_is_refused(
    tmp_path: Path, events: ArchiveFolder
) -> None:
    events.append([event(0, at=NOW)])
    protocol = {"minReaderVersion": 3, "readerFeatures": ["deletionVectors"]}
    events.commit([{"protocol": protocol}])
    with pytest.raises(TableUnreadable, match=r"reader version 3 .*deletionVectors"):
        LiveFiles(str(events.path), "archive_stream").current()


def test_history_over_http(tmp_path: Path, events: ArchiveFolder) -> None:
    client = desk_of(router({"tiny": history(tmp_path)})).client("all")
    answer = client.get("/v1/tiny/history/m1")
    assert answer.status_code == 503
    assert "archive_stream --scenario tiny" in answer.text
    now = datetime.now(UTC)
    events.append([event(0, at=now), archived("m1", b"\xff no json", at=now, offset=1)])
    answer = client.get("/v1/tiny/history/m1", params={"limit": 1})
    (entry,) = answer.json()["entries"]
    assert (entry["kind"], entry["text"], entry["source"]["offset"]) == ("events", "� no json", 1)
    cursor = answer.json()["cursor"]
    (entry,) = client.get("/v1/tiny/history/m1", params={"cursor": cursor}).json()["entries"]
    assert entry["document"]["n"] == 0
    assert client.get("/v1/tiny/history/m2", params={"cursor": cursor}).status_code == 422
    assert client.get("/v1/tiny/history/m2").json()["entries"] == []
    assert client.get("/v1/tiny/history/m1", params={"kind": "states"}).status_code == 422
    assert client.get("/v1/tiny/history/m1", params={"days": 1_000}).status_code == 422
    assert client.get("/v1/shops/history/m1").status_code == 404
