"""A steady, seeded load of tiny events from a thread: hot and cold machines, some bad events."""

import random
import threading
import time
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from types import TracebackType

import msgspec
from kafka import KafkaProducer

from tests.support.lane import EVENTS, MAX_MESSAGE_BYTES

TICK_SECONDS = 0.05
HOT_MACHINES = 20
_FLUSH_SECONDS = 120.0

Record = tuple[bytes | None, bytes | None]


def producer(servers: str) -> KafkaProducer:
    """A producer that waits for a broker that is away instead of failing."""
    return KafkaProducer(
        bootstrap_servers=servers,
        acks="all",
        linger_ms=10,
        max_request_size=MAX_MESSAGE_BYTES,
        max_block_ms=180_000,
        delivery_timeout_ms=180_000,
        reconnect_backoff_max_ms=1_000,
        allow_auto_create_topics=False,
    )


def publish(
    servers: str,
    records: Sequence[Record],
    *,
    partition: int | None = None,
    topic: str = EVENTS,
) -> list[tuple[int, int]]:
    """Send `records` to `topic` and return where each was stored: (partition, offset).

    partition: of all; without it where the client's partitioner puts them.
    """
    client = producer(servers)
    try:
        futures = [
            client.send(topic, key=key, value=value, partition=partition) for key, value in records
        ]
        stored = [future.get(timeout=_FLUSH_SECONDS) for future in futures]
    finally:
        client.close(timeout=30)
    return [(record.partition, record.offset) for record in stored]


def tiny_record(random_: random.Random, *, machines: int) -> Record:
    """One event: a third of them on few hot machines, 3 % bad, some before any temperature."""
    is_hot = random_.random() < 0.33
    number = random_.randrange(HOT_MACHINES) if is_hot else random_.randrange(machines)
    machine = f"machine:{number} Größe"
    late = timedelta(seconds=random_.uniform(0, 3600) if random_.random() < 0.1 else 0.0)
    envelope = {"machine": machine, "event_time": (datetime.now(UTC) - late).isoformat()}
    if random_.random() < 0.15:
        event = {"type": "repair", **envelope, "parts": random_.randint(0, 20)}
    else:
        mode = random_.choice(["idle", "normal", "boost"])
        temperature_c = random_.gauss(70.0, 30.0)
        event = {"type": "reading", **envelope, "temperature_c": temperature_c, "mode": mode}
    key, value = machine.encode(), msgspec.json.encode(event)
    if random_.random() >= 0.03:
        return key, value
    return random_.choice(
        [
            (key, value[:-1]),
            (key, None),
            (None, value),
            (b"another", value),
            (key, b"\xff" + value),
            (key, value.replace(b"machine", b"apparatus", 1)),
        ]
    )


class TinyLoad:
    """Publishes `per_second` events a second inside a `with` block; flushed at its end."""

    def __init__(self, servers: str, *, per_second: int, machines: int, seed: int) -> None:
        self._producer = producer(servers)
        self._per_tick = per_second * TICK_SECONDS
        self._machines = machines
        self._random = random.Random(seed)
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="tiny load", daemon=True)
        self.sent = 0
        self.failure: Exception | None = None

    def __enter__(self) -> "TinyLoad":
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._stop.set()
        self._thread.join(timeout=_FLUSH_SECONDS)
        self._producer.flush(timeout=_FLUSH_SECONDS)
        self._producer.close(timeout=30)
        if error is None and self.failure is not None:
            raise self.failure

    def _run(self) -> None:
        owed = 0.0
        began, ticks = time.monotonic(), 0
        while not self._stop.wait(max(0.0, began + ticks * TICK_SECONDS - time.monotonic())):
            ticks += 1
            owed += self._per_tick
            try:
                while owed >= 1:
                    key, value = tiny_record(self._random, machines=self._machines)
                    self._producer.send(EVENTS, key=key, value=value)
                    self.sent += 1
                    owed -= 1
            except Exception as error:  # raised at the end of the block
                self.failure = error
                return
