"""Good and hostile records from kafka-python and librdkafka, as fast as they are scored."""

import random
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

from confluent_kafka import Producer
from kafka import KafkaProducer
from kafka.partitioner import murmur2

from proofs.hostile.kinds import KINDS, Event, Kind, Route, encoded

_POOL, _MACHINES, _HOT_MACHINES = 40_000, 10_000, 20
# Every so many good records goes through kafka-python, which is the slower of the two clients.
_KAFKA_PYTHON_EVERY = 8
_PER_TURN = 500
_LARGEST_REQUEST = 1 << 30
_FLUSH_SECONDS = 120.0


@dataclass(frozen=True)
class Sent:
    """A hostile record, its key's own partition, and where the broker stored it."""

    kind: Kind
    home: int
    partition: int
    offset: int


@dataclass
class Tally:
    """What has been sent: good records by count, hostile ones with their places."""

    good: int = 0
    hostile: list[Sent] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)

    def delivered(self, kind: Kind, home: int, error: Any, message: Any) -> None:
        """Note where a hostile record went; librdkafka's delivery report."""
        if error is not None:
            self.failures.append(f"{kind.name}: {error}")
        else:
            self.hostile.append(Sent(kind, home, message.partition(), message.offset()))


@dataclass(frozen=True, kw_only=True)
class Phase:
    """How long a load runs, which share of it is hostile, and how far it may run ahead."""

    seconds: float
    hostile_share: float
    most_waiting: int


class HostileLoad:
    """Publishes good and hostile records to one topic of `partitions` partitions."""

    def __init__(self, servers: str, topic: str, *, partitions: int, seed: int) -> None:
        self._topic, self._partitions = topic, partitions
        self._servers = servers
        self._random = random.Random(seed)
        self._events = [self._event() for _ in range(_POOL)]
        self._good = [encoded(event) for event in self._events]
        self._readings = [event for event in self._events if event["type"] == "reading"]
        self._librdkafka = self._producer(partitioner="murmur2_random")
        self._other_partitioner = self._producer()  # librdkafka's default
        self._compressing = self._producer(**{"compression.type": "zstd"})
        self._transactional = self._producer(
            **{"partitioner": "murmur2_random", "transactional.id": f"hostile-{seed}"}
        )
        self._transactional.init_transactions(_FLUSH_SECONDS)
        self._python = KafkaProducer(
            bootstrap_servers=servers,
            acks="all",
            linger_ms=10,
            max_request_size=_LARGEST_REQUEST,
        )

    def run(
        self,
        phase: Phase,
        *,
        waiting: Callable[[], int],
        check: Callable[[], None],
        progress: Callable[[Tally, float], None],
    ) -> Tally:
        """Publish for `phase.seconds`; returns what was stored, once all of it is.

        waiting: events on the topic that are not scored yet; check: raises when the stream ended;
        progress: called once a second with the tally and the seconds so far.
        """
        tally = Tally()
        in_turn = self._in_turn([kind for kind in KINDS if not kind.every_seconds])
        rare = [kind for kind in KINDS if kind.every_seconds and phase.hostile_share]
        began = shown_at = time.monotonic()
        due_at = {kind.name: began + self._random.random() * kind.every_seconds for kind in rare}
        while (now := time.monotonic()) < began + phase.seconds:
            if now - shown_at >= 1.0:
                shown_at = now
                check()
                progress(tally, now - began)
            if waiting() > phase.most_waiting:
                self._librdkafka.poll(0.05)
                continue
            hostile = round(_PER_TURN * phase.hostile_share)
            self._good_records(tally, _PER_TURN - hostile)
            for _ in range(hostile):
                self._send(next(in_turn), tally)
            for kind in rare:
                if now >= due_at[kind.name]:
                    due_at[kind.name] = now + kind.every_seconds
                    self._send(kind, tally)
        self._flush()
        return tally

    def close(self) -> None:
        """Close the clients."""
        self._flush()
        self._python.close(timeout=30)

    def _event(self) -> Event:
        is_hot = self._random.random() < 0.3
        number = self._random.randrange(_HOT_MACHINES if is_hot else _MACHINES)
        late = timedelta(seconds=self._random.uniform(0, 3_600))
        envelope = {
            "machine": f"machine:{number} Größe",
            "event_time": (datetime.now(UTC) - late).isoformat(timespec="milliseconds"),
        }
        if self._random.random() < 0.15:
            return {"type": "repair", **envelope, "parts": self._random.randint(0, 20)}
        return {
            "type": "reading",
            **envelope,
            "temperature_c": round(self._random.gauss(70.0, 25.0), 2),
            "mode": self._random.choice(["idle", "normal", "boost"]),
        }

    def _in_turn(self, kinds: Sequence[Kind]) -> Iterator[Kind]:
        while True:
            yield from self._random.sample(kinds, len(kinds))

    def _good_records(self, tally: Tally, count: int) -> None:
        for number in range(count):
            key, value = self._good[self._random.randrange(_POOL)]
            if number % _KAFKA_PYTHON_EVERY == 0:
                self._python.send(self._topic, key=key, value=value)
            else:
                self._produce(key, value)
        tally.good += count
        self._librdkafka.poll(0)

    def _send(self, kind: Kind, tally: Tally) -> None:
        key, value = kind.record(self._random.choice(self._readings))
        # The partition that Java's client and kafka-python choose.
        home = (murmur2(key or b"") & 0x7FFFFFFF) % self._partitions
        note = partial(tally.delivered, kind, home)
        if kind.route in (Route.COMMITTED, Route.ABORTED):
            self._transaction(kind, key, value, note)
        elif kind.route is Route.OTHER_PARTITIONER:
            self._other_partitioner.produce(self._topic, value, key, on_delivery=note)
            self._other_partitioner.poll(0)
        elif kind.route is Route.COMPRESSED:
            self._compressing.produce(self._topic, value, key, on_delivery=note)
            self._compressing.poll(0)
        elif kind.route is Route.FOREIGN or self._random.random() < 0.5:
            partition = (home + 1) % self._partitions if kind.route is Route.FOREIGN else None
            sent = self._python.send(self._topic, key=key, value=value, partition=partition)
            sent.add_callback(
                lambda at: tally.hostile.append(Sent(kind, home, at.partition, at.offset))
            )
            sent.add_errback(lambda error: tally.failures.append(f"{kind.name}: {error}"))
        else:
            self._produce(key, value, on_delivery=note)

    def _produce(self, key: bytes | None, value: bytes | None, **options: Any) -> None:
        while True:
            try:
                self._librdkafka.produce(self._topic, value, key, **options)
                return
            except BufferError:  # its queue is full: the broker is slower than we are
                self._librdkafka.poll(0.05)

    def _transaction(
        self, kind: Kind, key: bytes | None, value: bytes | None, note: Callable[[Any, Any], None]
    ) -> None:
        client = self._transactional
        client.begin_transaction()
        client.produce(self._topic, value, key, on_delivery=note)
        if kind.route is Route.COMMITTED:
            client.commit_transaction(_FLUSH_SECONDS)
        else:
            client.flush(_FLUSH_SECONDS)  # the broker has it before it is aborted
            client.abort_transaction(_FLUSH_SECONDS)

    def _flush(self) -> None:
        for client in (self._librdkafka, self._other_partitioner, self._compressing):
            if client.flush(_FLUSH_SECONDS):
                raise TimeoutError(f"Kafka did not take all records in {_FLUSH_SECONDS:.0f} s")
        self._python.flush(timeout=_FLUSH_SECONDS)

    def _producer(self, **settings: object) -> Producer:
        return Producer(
            {
                "bootstrap.servers": self._servers,
                "log_level": 2,  # what fails is in the delivery reports
                "linger.ms": 10,
                "message.max.bytes": 1_000_000_000,
                "queue.buffering.max.kbytes": 1_000_000,
                **settings,
            }
        )
