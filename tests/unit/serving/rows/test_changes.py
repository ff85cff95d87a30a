"""Changes of latest rows for whoever watches them, by one reader."""

import asyncio
import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

import httpx
import pytest

from serving.rows import changes_routes, latest_routes
from serving.rows.changes import Change, Changes, NoPlaceLeft, Watch
from serving.rows.changes_routes import message_of, messages_of
from serving.rows.latest import LatestRows
from serving.sessions import SessionPool
from tests.scenarios.tiny import SCENARIO
from tests.support.desk import desk_of, listening
from tests.support.latest_cells import MemoryStore, away, latest_row

SECONDS = 20.0


def changes(store: MemoryStore, *, places: int = 200) -> Changes:
    latest = LatestRows(SessionPool(store, retry_seconds=0.0), "tiny")
    return Changes(latest, places=places, interval_seconds=0.02)


async def score_of(watch: Watch) -> float | None:
    change = await watch.next(SECONDS)
    assert change is not None
    return None if change.row is None else change.row.prediction.score


def test_everybody_who_watches_sees_the_row_and_each_change() -> None:
    async def scene() -> None:
        store = MemoryStore()
        store.write("tiny", latest_row("m", score=0.1))
        watched = changes(store)
        async with watched.watching("m") as one, watched.watching("m") as other:
            async with watched.watching("new") as absent:
                assert [await score_of(w) for w in (one, other, absent)] == [0.1, 0.1, None]
                store.write("tiny", latest_row("m", score=0.2), position=2)
                store.write("tiny", latest_row("new", score=0.3))
                assert [await score_of(w) for w in (one, other, absent)] == [0.2, 0.2, 0.3]
            assert watched.taken == 2
            assert await one.next(0.1) is None
        assert watched.taken == 0

    asyncio.run(scene())


def test_who_asks_slowly_gets_the_newest_row() -> None:
    async def scene() -> None:
        store = MemoryStore()
        watched = changes(store)
        async with watched.watching("m") as watch:
            for number in range(1, 6):
                store.write("tiny", latest_row("m", score=number / 10), position=number)
                await asyncio.sleep(0.05)
            assert await score_of(watch) == 0.5

    asyncio.run(scene())


def test_who_comes_back_gets_only_what_it_has_not_seen() -> None:
    async def scene() -> None:
        store = MemoryStore()
        store.write("tiny", latest_row("m", score=0.1))
        watched = changes(store)
        async with watched.watching("m") as watch:
            await score_of(watch)
            seen = watch.seen
        async with watched.watching("m", seen=seen) as watch:
            assert await watch.next(0.1) is None
        store.write("tiny", latest_row("m", score=0.2), position=2)
        async with watched.watching("m", seen=seen) as watch:
            assert await score_of(watch) == 0.2

    asyncio.run(scene())


def test_a_row_that_becomes_stale_is_a_change() -> None:
    async def scene() -> None:
        store, now = MemoryStore(), datetime.now(UTC)
        store.write("tiny", latest_row("m", at=now))
        moments = [now]
        watched = changes(store)
        watched.now = lambda: moments[-1]
        async with watched.watching("m") as watch:
            await score_of(watch)
            moments.append(now + timedelta(days=2))
            change = await watch.next(SECONDS)
            assert change is not None
            assert change.row is not None
            assert change.row.stale

    asyncio.run(scene())


def test_a_store_that_is_away_is_reported_and_then_the_row_again() -> None:
    async def scene() -> None:
        store = MemoryStore()
        store.write("tiny", latest_row("m", score=0.1))
        async with changes(store).watching("m") as watch:
            assert await score_of(watch) == 0.1
            with away(store):
                change = await watch.next(SECONDS)
                assert change is not None
                assert "does not answer" in str(change.problem)
                assert b"memory" not in message_of(change)
            change = await watch.next(SECONDS)
            assert change is not None
            assert change.problem is None

    asyncio.run(scene())


def test_places_are_bounded_and_free_again() -> None:
    async def scene() -> None:
        watched = changes(MemoryStore(), places=1)
        async with watched.watching("a"):
            with pytest.raises(NoPlaceLeft, match="1 watch rows of tiny already"):
                async with watched.watching("b"):
                    pass
        async with watched.watching("b"):
            assert watched.taken == 1

    asyncio.run(scene())


def test_a_damaged_row_ends_the_watch_with_its_error() -> None:
    async def scene() -> None:
        store = MemoryStore()
        store.write("tiny", latest_row("m"))
        async with changes(store).watching("m") as watch:
            await score_of(watch)
            (row,) = store.tables["tiny"].values()
            row[b"p:latest"] = (9, b"{damaged")
            with pytest.raises(ValueError, match="JSON is malformed"):
                await watch.next(SECONDS)

    asyncio.run(scene())


def test_a_quiet_stream_has_a_heartbeat() -> None:
    async def scene() -> None:
        watch = Watch("m", None)
        messages = messages_of(watch, heartbeat_seconds=0.01)
        assert await anext(messages) == b"retry: 1000\n\n"
        assert await anext(messages) == b": still here\n\n"
        watch.offer(Change(row=None))
        assert await anext(messages) == b"event: none\nid: none\ndata: null\n\n"

    asyncio.run(scene())


@contextmanager
def events_of(url: str, **headers: str) -> Iterator[Iterator[tuple[str, str, str]]]:
    """(event, id, data) as they come; the connection ends with the block."""
    with (
        httpx.Client(timeout=SECONDS, trust_env=False) as client,
        client.stream("GET", url, headers=headers) as response,
    ):
        response.raise_for_status()
        assert response.headers["content-type"].startswith("text/event-stream")

        def messages() -> Iterator[tuple[str, str, str]]:
            fields: dict[str, str] = {}
            for line in response.iter_lines():
                name, _, value = line.partition(": ")
                if not line and "data" in fields:
                    yield fields["event"], fields["id"], fields["data"]
                fields = {**fields, name: value} if line else {}

        yield messages()


def test_over_http_a_client_that_goes_away_frees_its_place() -> None:
    store = MemoryStore()
    store.write("tiny", latest_row("m/1", score=0.1))
    watched = changes(store, places=1)
    parts = {"tiny": watched.latest}
    desk = desk_of(
        changes_routes.router({"tiny": watched}), latest_routes.router(parts, {"tiny": SCENARIO})
    )
    key = {"Authorization": f"Bearer {desk.texts['agent']}"}
    with listening(desk.app) as address:
        url = f"{address}/v1/tiny/latest/m%2f1/changes"
        with events_of(url, **key) as events:
            kind, first_id, data = next(events)
            assert (kind, json.loads(data)["score"]) == ("row", 0.1)
            store.write("tiny", latest_row("m/1", score=0.2), position=2)
            began = time.monotonic()
            kind, second_id, data = next(events)
            assert time.monotonic() - began < 5.0
            assert (kind, json.loads(data)["score"]) == ("row", 0.2)
            assert first_id != second_id
            answer = httpx.get(url, headers=key, trust_env=False)
            assert (answer.status_code, answer.headers["retry-after"]) == (429, "5")
        give_up_at = time.monotonic() + SECONDS
        while watched.taken and time.monotonic() < give_up_at:
            time.sleep(0.02)
        with events_of(url, **key, **{"Last-Event-ID": first_id}) as events:
            assert next(events)[1] == second_id
        url = f"{address}/v1/shops/latest/m/changes"
        assert httpx.get(url, headers=key, trust_env=False).status_code == 404
        assert httpx.get(url, trust_env=False).status_code == 401
