"""Latest rows over HTTP, from a store in memory."""

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from fastapi.testclient import TestClient

from serving.rows.cursors import CursorRefused
from serving.rows.lag import LagWatch
from serving.rows.latest import LatestRows
from serving.rows.latest_routes import router
from serving.sessions import SessionPool
from stores.hbase.connection import StoreDown
from stores.kafka.errors import KafkaDown
from streaming.position.staleness import StreamLag
from tests.scenarios.tiny import SCENARIO
from tests.support.desk import desk_of
from tests.support.latest_cells import MemoryStore, away, latest_row

NOW = datetime(2026, 11, 29, 12, tzinfo=UTC)
HOSTILE = ["a/b", "a b?c#d", "../..", "ä\u202eb", "<script>", "x/changes/y"]


@pytest.fixture
def store() -> MemoryStore:
    return MemoryStore()


@pytest.fixture
def rows(store: MemoryStore) -> LatestRows:
    return LatestRows(SessionPool(store, retry_seconds=0.0), "tiny")


@pytest.fixture
def client(rows: LatestRows) -> TestClient:
    return desk_of(router({"tiny": rows}, {"tiny": SCENARIO})).client("all")


def test_a_row_is_the_stored_document_with_its_age(store: MemoryStore, client: TestClient) -> None:
    written = latest_row("m 1", at=datetime.now(UTC) - timedelta(seconds=5))
    store.write("tiny", written)
    answer = client.get("/v1/tiny/latest/m 1")
    document = answer.json()
    assert answer.status_code == 200
    assert answer.headers["cache-control"] == "private, no-cache"
    assert (document["entity"], document["score"], document["stale"]) == ("m 1", 0.9, False)
    assert document["stale_because"] == []
    assert 5.0 <= document["age_seconds"] < 30.0


@pytest.mark.parametrize("entity", HOSTILE)
def test_an_id_is_read_as_it_is(store: MemoryStore, client: TestClient, entity: str) -> None:
    store.write("tiny", latest_row(entity))
    quoted = "".join(f"%{byte:02x}" for byte in entity.encode())
    assert client.get(f"/v1/tiny/latest/{quoted}").json()["entity"] == entity
    assert client.post("/v1/tiny/latest", json={"entities": [entity]}).json()["missing"] == []


def test_a_row_past_its_validity_is_stale(store: MemoryStore, rows: LatestRows) -> None:
    store.write("tiny", latest_row("m", at=NOW - timedelta(days=2)))
    view = rows.one("m", NOW)
    assert view is not None
    assert view.stale
    assert "valid until 2026-11-28" in view.stale_because[0]
    assert json.loads(view.json)["stale_because"] == list(view.stale_because)


def test_a_row_whose_partition_waits_is_stale_and_has_another_tag(store: MemoryStore) -> None:
    behind = StreamLag({1: NOW - timedelta(seconds=90)}, 60.0)
    pool = SessionPool(store)
    for entity, partition in (("waits", 1), ("fresh", 0)):
        store.write("tiny", latest_row(entity, at=NOW, partition=partition))
    views = LatestRows(pool, "tiny", lambda: behind).many(["waits", "fresh", "nobody"], NOW)
    assert {entity: view.stale for entity, view in views.items()} == {"waits": True, "fresh": False}
    before = LatestRows(pool, "tiny").many(["waits", "fresh"], NOW)
    assert views["waits"].etag != before["waits"].etag
    assert views["fresh"].etag == before["fresh"].etag


def test_a_copy_that_is_still_the_row_is_not_sent_again(
    store: MemoryStore, client: TestClient
) -> None:
    store.write("tiny", latest_row("m"))
    tag = client.get("/v1/tiny/latest/m").headers["etag"]
    for condition in (tag, tag.removeprefix("W/"), f'"other", {tag}', "*"):
        answer = client.get("/v1/tiny/latest/m", headers={"If-None-Match": condition})
        assert (answer.status_code, answer.content, answer.headers["etag"]) == (304, b"", tag)
    store.write("tiny", latest_row("m", score=0.95), position=2)
    answer = client.get("/v1/tiny/latest/m", headers={"If-None-Match": tag})
    assert (answer.status_code, answer.json()["score"]) == (200, 0.95)


def test_what_is_not_there_is_named(client: TestClient) -> None:
    assert client.get("/v1/tiny/latest/nobody").status_code == 404
    answer = client.get("/v1/shops/latest/m")
    assert answer.status_code == 404
    assert "served are: tiny" in answer.text


def test_a_store_that_is_away_is_an_error_with_its_name(
    store: MemoryStore, rows: LatestRows
) -> None:
    with away(store), pytest.raises(StoreDown, match="memory:0 does not answer"):
        rows.one("m", NOW)
    assert rows.one("m", NOW) is None


@pytest.mark.parametrize(
    "body", [{}, {"entities": []}, {"entities": ["x"] * 501}, {"entities": [""]}, {"x": 1}, []]
)
def test_a_wrong_list_of_entities_is_refused(client: TestClient, body: Any) -> None:
    assert client.post("/v1/tiny/latest", json=body).status_code == 422


def test_pages_of_a_band_have_every_row_once_while_rows_change(
    store: MemoryStore, client: TestClient
) -> None:
    entities = [f"machine {number}" for number in range(1_300)]
    for number, entity in enumerate(entities):
        store.write("tiny", latest_row(entity, band="hot" if number % 3 else "ok"))
    seen: list[str] = []
    cursor: str | None = None
    pages = 0
    while True:
        place = {} if cursor is None else {"cursor": cursor}
        page = client.get("/v1/tiny/latest", params={"band": "hot", "limit": 37, **place}).json()
        seen += [row["entity"] for row in page["rows"]]
        for entity in entities[pages::20]:  # a change of a row moves no key
            store.write("tiny", latest_row(entity, score=0.99), position=2 + pages)
        pages += 1
        cursor = page["cursor"]
        if cursor is None:
            break
    always_hot = {entity for number, entity in enumerate(entities) if number % 3}
    assert len(seen) == len(set(seen))
    assert always_hot <= set(seen)


def test_a_page_of_a_rare_band_ends_after_a_bounded_read(
    store: MemoryStore, rows: LatestRows
) -> None:
    for number in range(1_200):
        store.write("tiny", latest_row(f"m{number}", band="ok"))
    page = rows.page(NOW, band="hot", cursor=None, limit=10, most_read=600)
    assert (page.rows, page.cursor is None) == ([], False)
    page = rows.page(NOW, band="hot", cursor=page.cursor, limit=10, most_read=1_000)
    assert (page.rows, page.cursor) == ([], None)


def test_a_cursor_of_elsewhere_is_refused(store: MemoryStore, rows: LatestRows) -> None:
    for number in range(20):
        store.write("tiny", latest_row(f"m{number}"))
    cursor = rows.page(NOW, band="hot", cursor=None, limit=5, most_read=100).cursor
    assert cursor is not None
    damaged = ("A" if cursor[20] != "A" else "B").join((cursor[:20], cursor[21:]))
    for wrong, band in ((damaged, "hot"), (cursor, "ok"), ("ä", "hot"), ("AAAA", "hot")):
        with pytest.raises(CursorRefused, match="begin without one"):
            rows.page(NOW, band=band, cursor=wrong, limit=5, most_read=100)


def test_an_unknown_band_and_a_wrong_cursor_are_answered_422(client: TestClient) -> None:
    assert client.get("/v1/tiny/latest", params={"band": "cold"}).status_code == 422
    assert client.get("/v1/tiny/latest", params={"cursor": "x"}).status_code == 422
    assert client.get("/v1/tiny/latest", params={"limit": 501}).status_code == 422


def test_the_lag_is_asked_for_in_the_background_and_forgotten_when_it_is_not_known() -> None:
    lag, now = StreamLag({0: NOW}, 60.0), [0.0]
    answers: list[StreamLag | Exception] = [lag, KafkaDown("Kafka is away")]

    def read() -> StreamLag:
        answer = answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer

    watch = LagWatch(read, 60.0, clock=lambda: now[0], begin=lambda work: work())
    assert "has not been asked yet" in str(watch.problem)
    assert watch.current() == lag
    assert watch.problem is None
    now[0] = 1.0
    assert watch.current() == lag  # not asked again yet
    now[0] = 6.0
    assert watch.current() == lag  # a few seconds old, and still the best there is
    assert "Kafka is away" in str(watch.problem)
    answers.append(KafkaDown("Kafka is away"))
    now[0] = 36.0
    assert watch.current() == StreamLag({}, 60.0)


def test_no_read_of_a_row_waits_for_the_lag() -> None:
    begun: list[Callable[[], None]] = []
    watch = LagWatch(lambda: StreamLag({0: NOW}, 60.0), 60.0, begin=begun.append)
    assert watch.current() == StreamLag({}, 60.0)
    assert watch.current() == StreamLag({}, 60.0)
    assert len(begun) == 1
    begun[0]()
    assert watch.current() == StreamLag({0: NOW}, 60.0)
