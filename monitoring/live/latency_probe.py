"""How long it takes from an event to the row that a reader can read, measured from outside.

The probe follows the events topic, picks some events, and reads their rows from HBase until each
shows the event's offset; it sees what call-centre software would see, connection and all.
"""

import threading
import time
from collections import deque
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import msgspec
import numpy as np
from kafka import TopicPartition

from stores.hbase.connection import HBaseStore
from stores.hbase.shown_positions import shown_positions
from stores.kafka.clients import new_consumer
from stores.kafka.cluster import KafkaCluster

_READ_EVERY_SECONDS = 0.004
# The broker answers this often, not at each event: 500 answers a second took half a core away from
# what is measured. A pick is some milliseconds late; its latency counts from the event's own time.
_FETCH_EVERY_MS = 8
_FETCH_BYTES = 1 << 20
# While nothing becomes readable, more and more rows are read: 5,000 of them a second at most.
_SECONDS_PER_ROW = 0.0002


class _Timed(msgspec.Struct):
    event_time: datetime


@dataclass(frozen=True)
class Sample:
    """One event that became readable."""

    readable_at: float
    seconds: float


@dataclass
class LatencyProbe:
    """A thread that samples about `samples_per_second` events of `topic`.

    `samples` holds the most recent ones; latency counts from the event's own time, so producers
    must stamp events when they send them, on this machine's clock.
    """

    kafka: KafkaCluster
    topic: str
    scenario: str
    store: HBaseStore
    samples_per_second: float = 50.0
    give_up_seconds: float = 60.0
    samples: deque[Sample] = field(default_factory=lambda: deque(maxlen=100_000))
    missed: int = 0

    def __post_init__(self) -> None:
        self._stop = threading.Event()
        self._ready = threading.Event()
        self._pending: dict[str, tuple[int, float, float]] = {}
        self._thread = threading.Thread(target=self._run, name="latency-probe", daemon=True)

    def start(self) -> None:
        """Begin at the topic's current end; returns when the probe is in place."""
        self._thread.start()
        self._ready.wait(timeout=30.0)

    def stop(self) -> None:
        """Stop and wait for the thread."""
        self._stop.set()
        self._thread.join(timeout=10.0)

    @property
    def waiting(self) -> int:
        """Picked events that are not readable yet."""
        return len(self._pending)

    def percentiles(
        self, levels: tuple[float, ...], *, last_seconds: float | None = None
    ) -> list[float] | None:
        """Latencies in seconds at `levels` (0 to 100), or None without samples."""
        since = 0.0 if last_seconds is None else time.time() - last_seconds
        seconds = [sample.seconds for sample in list(self.samples) if sample.readable_at >= since]
        return [float(p) for p in np.percentile(seconds, levels)] if seconds else None

    def _run(self) -> None:
        consumer = new_consumer(
            self.kafka.client_options,
            fetch_max_wait_ms=_FETCH_EVERY_MS,
            fetch_min_bytes=_FETCH_BYTES,
        )
        partitions = [
            TopicPartition(self.topic, number)
            for number in consumer.partitions_for_topic(self.topic) or ()
        ]
        consumer.assign(partitions)
        consumer.seek_to_end(*partitions)
        for partition in partitions:
            consumer.position(partition)
        self._ready.set()
        try:
            with self.store.open() as connection:
                self._follow(consumer, connection)
        finally:
            consumer.close()

    def _follow(self, consumer: Any, connection: Any) -> None:
        next_pick = time.time()
        next_read = 0.0
        while not self._stop.is_set():
            time.sleep(_READ_EVERY_SECONDS)
            polled = consumer.poll(timeout_ms=0)
            now = time.time()
            for record in (r for records in polled.values() for r in records):
                if now >= next_pick and self._pick(record):
                    next_pick = max(next_pick + 1.0 / self.samples_per_second, now - 0.1)
            if self._pending and now >= next_read:
                self._read(connection)
                pause = max(_READ_EVERY_SECONDS, len(self._pending) * _SECONDS_PER_ROW)
                next_read = time.time() + pause

    def _pick(self, record: Any) -> bool:
        if record.key is None or record.value is None:
            return False
        entity = record.key.decode("utf-8", "replace")
        if entity in self._pending:
            return False
        try:
            timed = msgspec.json.decode(record.value, type=_Timed)
        except (ValueError, RecursionError):
            return False  # a bad event becomes a dead letter, not a row
        self._pending[entity] = (record.offset, timed.event_time.timestamp(), time.time())
        return True

    def _read(self, connection: Any) -> None:
        positions = shown_positions(connection, self.scenario, list(self._pending))
        now = time.time()
        for entity, source in positions.items():
            offset, began, _ = self._pending[entity]
            if source.offset >= offset:
                del self._pending[entity]
                self.samples.append(Sample(now, now - began))
        for entity, (_, _, picked) in list(self._pending.items()):
            if now - picked > self.give_up_seconds:
                del self._pending[entity]
                self.missed += 1
