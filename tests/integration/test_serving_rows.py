"""Rows and records of the web service on a real HBase and Kafka; rows are written by the store."""

import json
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

import httpx
import pytest
from kafka import KafkaConsumer, KafkaProducer, TopicPartition

from scenarios.contract.records.outcomes import OutcomeDecoder
from serving.operator_page.streams import streams_of
from serving.records.dead_letters import DeadLetters, newest_messages
from serving.records.outcomes import OutcomePosting
from serving.rows import changes_routes, latest_routes
from serving.rows.changes import Changes
from serving.rows.lag import LagWatch
from serving.rows.latest import LatestRows
from serving.sessions import SessionPool
from stores.hbase.connection import HBaseStore, Session
from stores.hbase.predictions import Prediction, row_document
from stores.hbase.stamps import stamp
from stores.hbase.states import Marker, StateTable
from stores.kafka.producer import open_producer
from stores.records.erasures import ErasedEntities, ErasureTable, new_erasure
from streaming.position.staleness import StreamLag, stream_lag
from tests.contracts import check_latest_rows
from tests.scenarios.tiny import SCENARIO
from tests.support.desk import desk_of, listening
from tests.support.half_scored import write_half_scored
from tests.support.lane import Lane
from tests.support.latest_cells import latest_row


@pytest.fixture(scope="module")
def lane(lanes: Callable[[], AbstractContextManager[Lane]]) -> Iterator[Lane]:
    """Topics and tables of a stream that has scored one event of two in partition 0."""
    with lanes() as opened:
        session = Session(opened.store, retry_seconds=20.0)
        marker = Marker(
            partition=0,
            epoch=1,
            offset=0,
            predictions=1,
            model_version="1",
            written_at_ms=time.time_ns() // 1_000_000,
        )
        write_half_scored(opened, session, marker)
        session.close()
        yield opened


def write(store: HBaseStore, rows: Sequence[Prediction]) -> None:
    """Write rows of one offset at its stamp."""
    session = Session(store, retry_seconds=20.0)
    cells = [(row.entity, row_document(row)) for row in rows]
    StateTable(session, "tiny").write_latest(cells, position=stamp(1, rows[0].source.offset))
    session.close()


def test_latest_rows_keep_their_promises(store: HBaseStore) -> None:
    check_latest_rows(store, partial(write, store))


def test_a_change_arrives_within_a_second(store: HBaseStore) -> None:
    pool = SessionPool(store, retry_seconds=20.0)
    write(store, [latest_row("m", score=0.1)])
    latest = LatestRows(pool, "tiny")
    desk = desk_of(
        changes_routes.router({"tiny": Changes(latest)}),
        latest_routes.router({"tiny": latest}, {"tiny": SCENARIO}),
    )
    waits, key = [], {"Authorization": f"Bearer {desk.texts['agent']}"}
    with (
        listening(desk.app) as address,
        httpx.Client(timeout=30.0, trust_env=False, headers=key) as client,
        client.stream("GET", f"{address}/v1/tiny/latest/m/changes") as response,
    ):
        rows = (line[6:] for line in response.iter_lines() if line.startswith("data: "))
        assert json.loads(next(rows))["score"] == 0.1
        for number in range(2, 6):
            write(store, [latest_row("m", score=number / 10, offset=7 + number)])
            began = time.monotonic()
            assert json.loads(next(rows))["score"] == number / 10
            waits.append(time.monotonic() - began)
        tag = client.get(f"{address}/v1/tiny/latest/m").headers["etag"]
        again = client.get(f"{address}/v1/tiny/latest/m", headers={"If-None-Match": tag})
        assert again.status_code == 304
    # The median: this machine runs other tests as well.
    assert sorted(waits)[len(waits) // 2] < 1.0, waits
    pool.close()


def test_a_row_whose_partition_waits_becomes_stale_in_the_background(lane: Lane) -> None:
    pool = SessionPool(lane.store, retry_seconds=20.0)
    now = datetime.now(UTC)
    rows = [latest_row(entity, at=now, partition=p) for entity, p in (("waits", 0), ("done", 1))]
    write(lane.store, rows)

    def read_lag() -> StreamLag:
        with pool.session() as session:
            return stream_lag(SCENARIO, lane.kafka, session, limit_seconds=0.001)

    watch = LagWatch(read_lag, 0.001)
    latest = LatestRows(pool, "tiny", watch.current)
    give_up_at = time.monotonic() + 60.0
    while watch.problem is not None and time.monotonic() < give_up_at:
        latest.one("waits", now)
        time.sleep(0.1)
    views = latest.many(["waits", "done"], now + timedelta(seconds=1))
    assert "the stream is behind: events of tiny.events-0" in views["waits"].stale_because[0]
    assert not views["done"].stale
    pool.close()


def test_how_a_stream_stands_is_one_answer_of_numbers(lane: Lane) -> None:
    pool = SessionPool(lane.store, retry_seconds=20.0)
    (status,) = streams_of(SCENARIO, lane.kafka, pool).current()
    assert (status.topic, status.epoch, status.waiting) == ("tiny.events", 1, 1)
    parts = {part.partition: (part.end, part.done_upto) for part in status.partitions}
    assert parts == {0: (2, 1), 1: (1, 1)}
    assert status.waiting_since is not None
    assert (status.counts.predictions, status.warning) == (2, None)
    pool.close()


def test_an_outcome_lies_where_the_answer_says(lane: Lane) -> None:
    decoder = OutcomeDecoder(max_event_bytes=65_536, max_future_skew_seconds=60.0)
    options = lane.kafka.client_options
    outcome = {"prediction_id": "tiny-1-0-7-v1", "entity": "m1", "status": "shown"}
    with open_producer(options, max_event_bytes=65_536, linger_ms=0) as producer:
        posting = OutcomePosting(SCENARIO, decoder, lambda: producer)
        posted = posting.post(outcome, datetime.now(UTC))
    consumer = KafkaConsumer(bootstrap_servers=lane.servers, group_id=None)
    place = TopicPartition(posted.topic, posted.partition)
    consumer.assign([place])
    consumer.seek(place, posted.offset)
    give_up_at = time.monotonic() + 30.0
    records: list[Any] = []
    while not records and time.monotonic() < give_up_at:
        records = consumer.poll(timeout_ms=500).get(place, [])
    consumer.close()
    assert (records[0].key, json.loads(records[0].value)) == (b"m1", posted.document)


def test_the_newest_dead_letters_are_read_and_those_of_erased_ones_are_empty(lane: Lane) -> None:
    producer = KafkaProducer(bootstrap_servers=lane.servers)
    for offset in range(40):
        texts = {
            "reason_code": "missing_field",
            "reason": "field 'mode' is missing",
            "source_topic": "tiny.events",
            "source_partition": "0",
            "source_offset": str(offset),
            "source_epoch": "1",
            "source_timestamp_ms": str(1_000 + offset),
        }
        headers = [(name, text.encode()) for name, text in texts.items()]
        key = b"m%d" % (offset % 2)
        producer.send("tiny.dead-letter", b'{"machine": "x', key=key, headers=headers)
    producer.flush()
    producer.close()
    session = Session(lane.store, retry_seconds=20.0)
    table = ErasureTable(session, "tiny")
    read = partial(newest_messages, lane.kafka, "tiny.dead-letter")
    newest = DeadLetters(SCENARIO, read, table.read).newest()
    assert (newest.by_reason, newest.is_all) == ({"missing_field": 40}, True)
    assert [letter.offset for letter in newest.letters[:3]] == [39, 38, 37]
    table.write(new_erasure(ErasedEntities(), ["m1"], reason="asked for"))
    letters = DeadLetters(SCENARIO, read, table.read).newest().letters
    assert {letter.key for letter in letters} == {"m0", ""}
    session.close()
    few, is_all = newest_messages(lane.kafka, "tiny.dead-letter", most=10)
    assert (len(few) <= 10, is_all) == (True, False)
