"""Publishing sends what was ordered, at its pace, and counts what Kafka acknowledged."""

import time
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from kafka.errors import MessageSizeTooLargeError

from batch.publishing.event_source import NoEventSource, load_source
from batch.publishing.order import Order, phases
from batch.publishing.publisher import Pace, Published, publish
from scenarios.simulation.records import Record
from tests.unit.churn.customers import telco_file

TOPICS = {"events": "churn.events", "labels": "churn.labels"}
NOW = datetime(2026, 3, 1, tzinfo=UTC)


class FakeFuture:
    """Acknowledges, or fails, as soon as a callback is added."""

    def __init__(self, metadata: Any, error: Exception | None) -> None:
        self._metadata, self._error = metadata, error

    def add_callback(self, function: Any) -> None:
        """Call it with the record's place."""
        if self._error is None:
            function(self._metadata)

    def add_errback(self, function: Any) -> None:
        """Call it with the error, if there is one."""
        if self._error is not None:
            function(self._error)


class FakeProducer:
    """One partition per topic; refuses the key b"refused"."""

    def __init__(self) -> None:
        self.next_offsets: Counter[str] = Counter()
        self.is_flushed = False
        self.log: list[str] = []

    def send(self, topic: str, *, key: bytes | None, value: bytes | None) -> FakeFuture:
        """Give the record the topic's next offset."""
        if key == b"refused":
            raise MessageSizeTooLargeError("too large")  # as the real one, in the call
        self.log.append(topic)
        offset = self.next_offsets[topic]
        self.next_offsets[topic] += 1
        return FakeFuture(SimpleNamespace(topic=topic, partition=0, offset=offset), None)

    def flush(self, timeout: float) -> None:
        """Nothing waits."""
        self.is_flushed = True
        self.log.append("flush")


def _endless(key: bytes = b"7") -> Iterator[Record]:
    while True:
        yield Record(topic_kind="events", kind="profile", key=key, value=b"{}")


def _published(records: Iterator[Record], pace: Pace) -> tuple[Published, FakeProducer]:
    producer, published = FakeProducer(), Published()
    publish(records, producer, published, topics=TOPICS, pace=pace, on_sent=lambda: None)
    return published, producer


def test_counts_and_offsets_are_told_per_partition() -> None:
    published, producer = _published(islice(_endless(), 5), Pace())
    count = published.partitions[("churn.events", 0)]
    assert (count.records, count.first_offset, count.last_offset) == (5, 0, 4)
    assert (published.sent, published.failed, producer.is_flushed) == (5, 0, True)


def test_a_refused_record_counts_as_failed_with_its_reason() -> None:
    published, _ = _published(islice(_endless(b"refused"), 2), Pace())
    assert (published.acknowledged, published.failed) == (0, 2)
    ((reason, count),) = published.errors.items()
    assert count == 2
    assert reason.startswith("MessageSizeTooLargeError: ")


def test_all_events_are_acknowledged_before_the_first_label_is_sent() -> None:
    kinds = ["events", "events", "labels", "labels"]
    history = (Record(topic_kind=kind, kind="any", key=b"7", value=b"{}") for kind in kinds)
    _, producer = _published(history, Pace())
    events, labels = TOPICS["events"], TOPICS["labels"]
    assert producer.log == [events, events, "flush", labels, labels, "flush"]


def test_a_rate_and_a_duration_give_their_product() -> None:
    start = time.monotonic()
    published, _ = _published(_endless(), Pace(records_per_second=100, seconds=0.3))
    assert published.sent == Pace(records_per_second=100, seconds=0.3).total == 30
    assert 0.25 < time.monotonic() - start < 2


def test_an_interruption_still_flushes_and_keeps_the_counts() -> None:
    def interrupted() -> Iterator[Record]:
        yield from islice(_endless(), 3)
        raise SystemExit(143)

    producer, published = FakeProducer(), Published()
    with pytest.raises(SystemExit):
        publish(
            interrupted(), producer, published, topics=TOPICS, pace=Pace(), on_sent=lambda: None
        )
    assert (published.acknowledged, producer.is_flushed) == (3, True)


def test_an_order_becomes_history_and_follow_ups(tmp_path: Path) -> None:
    source = load_source("churn", "scenarios.churn.scenario", file=telco_file(tmp_path), limit=2)
    pace = Pace(records_per_second=10, seconds=2)
    order = Order(history=True, labels=False, pace=pace, bad_share=0.0, seed=1)
    history, follow_ups = phases(source, order, now=lambda: NOW, too_large_bytes=1_000)
    assert [record.kind for record in history.records] == ["profile", "profile"]
    assert (history.total, follow_ups.total) == (2, 20)
    first = next(iter(follow_ups.records))
    assert b"2026-03-01T00:00:00.000Z" in (first.value or b"")


def test_a_scenario_without_a_source_is_named() -> None:
    with pytest.raises(NoEventSource, match=r"'nothing' has no scenarios\.nothing\.source"):
        load_source("nothing", "scenarios.nothing.scenario")
