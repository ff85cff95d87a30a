"""Logs one line when a service goes away, and one when it is back.

Workers and Spark's clients repeat their calls silently while Kafka or HBase is away. So the driver
asks each service itself, every few seconds and beside the stream. A service counts as away, or as
back, once it has failed, or answered, twice in a row: a slow answer under load logs nothing.
"""

import socket
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Protocol

from kafka import TopicPartition

from stores.hbase.connection import HBaseStore, Session, TableMissing
from stores.kafka.clients import new_consumer
from stores.kafka.cluster import KafkaCluster
from stores.records.control import read_control
from streaming.query.progress import Place

Log = Callable[[str], None]

_IN_A_ROW = 2
_TIMEOUT_SECONDS = 3.0
_EVERY_SECONDS = 2.0


class Probe(Protocol):
    """Asks one service."""

    @property
    def name(self) -> str:
        """The service and its address."""

    @property
    def meanwhile(self) -> str:
        """What the job does while the service is away."""

    def ask(self) -> None:
        """Return when it answers; raises whatever its client raises otherwise."""


@dataclass
class KafkaProbe:
    """Asks Kafka for the ends of `topics`, over one persistent connection."""

    kafka: KafkaCluster
    topics: Sequence[str]
    meanwhile: str = "nothing is read or published until it does"
    ends: Mapping[Place, int] | None = None
    _consumer: Any = None

    @property
    def name(self) -> str:
        """Kafka's address."""
        return f"Kafka {self.kafka.bootstrap_servers}"

    def ask(self) -> None:
        """Read the ends of all partitions; `ends` is None after a failure."""
        self.ends = None
        try:
            if self._consumer is None:
                self._consumer = self._connected()
            places = [
                TopicPartition(topic, partition)
                for topic in self.topics
                for partition in self._consumer.partitions_for_topic(topic) or ()
            ]
            ends = self._consumer.end_offsets(places)
        except BaseException:
            consumer, self._consumer = self._consumer, None
            if consumer is not None:
                with suppress(Exception):
                    consumer.close()
            raise
        self.ends = {(place.topic, place.partition): end for place, end in ends.items()}

    def _connected(self) -> Any:
        _connect_any(self.kafka.bootstrap_servers)  # at once, where the client would wait
        timeout_ms = int(_TIMEOUT_SECONDS * 1000)
        return new_consumer(self.kafka.client_options, request_timeout_ms=timeout_ms)


@dataclass
class GatewayProbe:
    """Asks HBase's Thrift gateway for a connection."""

    store: HBaseStore
    meanwhile: str = "workers repeat their calls until it does"

    @property
    def name(self) -> str:
        """The gateway's address."""
        return f"HBase's Thrift gateway {self.store.host}:{self.store.port}"

    def ask(self) -> None:
        """Connect and hang up."""
        _connect(self.store.host, self.store.port)


@dataclass
class HBaseProbe:
    """Asks HBase, through its gateway, for the control row of `stream`."""

    store: HBaseStore
    stream: str
    meanwhile: str = "workers repeat their calls until it does"
    _session: Session | None = None

    @property
    def name(self) -> str:
        """HBase, by the gateway's address."""
        return f"HBase behind its Thrift gateway {self.store.host}:{self.store.port}"

    def ask(self) -> None:
        """Read one row; a table that is missing is an answer, too."""
        if self._session is None:
            store = HBaseStore(
                self.store.host, self.store.port, self.store.namespace, _TIMEOUT_SECONDS
            )
            self._session = Session(store, retry_seconds=0.0)
        with suppress(TableMissing):
            read_control(self._session, self.stream)


@dataclass
class Outage:
    """Follows one service: lines for the log when it goes away and when it is back.

    needs: services without which this one cannot be asked; while one of them does not answer,
    this one is not asked.
    """

    probe: Probe
    needs: Sequence["Outage"] = ()
    failures: int = 0
    answers: int = 0
    since: datetime | None = None
    back_at: datetime | None = None
    is_away: bool = False

    def look(self, *, now: Callable[[], datetime]) -> str | None:
        """Ask once; the line that reports a change, or None."""
        if any(need.failures for need in self.needs):
            return None
        began = now()
        try:
            self.probe.ask()
        except Exception as error:
            return self._failed(error, began)
        return self._answered(now())

    def _failed(self, error: Exception, began: datetime) -> str | None:
        self.answers, self.failures = 0, self.failures + 1
        if self.since is None:
            self.since = began
        if self.is_away or self.failures < _IN_A_ROW:
            return None
        self.is_away = True
        why = f"{type(error).__name__}: {error}".splitlines()[0][:200]
        return (
            f"{self.probe.name} has not answered since {_utc(self.since)} ({why}): "
            f"{self.probe.meanwhile}"
        )

    def _answered(self, at: datetime) -> str | None:
        self.failures, self.answers = 0, self.answers + 1
        if self.answers == 1 or self.back_at is None:
            self.back_at = at
        since = self.since
        if not self.is_away:
            self.since = None
            return None
        if since is None or self.answers < _IN_A_ROW:
            return None
        self.is_away, self.since = False, None
        seconds = round((self.back_at - since) / timedelta(seconds=1))
        return f"{self.probe.name} answers again, {seconds} s after {_utc(since)}"


@dataclass
class Watcher:
    """A thread that asks the services of a job and logs what changes.

    reached: (topic, partition) → offset up to which the job has come; with Kafka's ends it gives
    how much waits.
    """

    kafka: KafkaProbe
    outages: Sequence[Outage]
    log: Log
    every_seconds: float = _EVERY_SECONDS
    now: Callable[[], datetime] = lambda: datetime.now(UTC)
    _stop: threading.Event = field(default_factory=threading.Event)

    @contextmanager
    def watching(self, reached: Callable[[], Mapping[Place, int]]) -> Iterator[None]:
        """Watch inside the block."""
        thread = threading.Thread(target=self._run, args=(reached,), name="outages", daemon=True)
        thread.start()
        try:
            yield
        finally:
            self._stop.set()
            thread.join(timeout=_TIMEOUT_SECONDS)

    def _run(self, reached: Callable[[], Mapping[Place, int]]) -> None:
        while not self._stop.wait(self.every_seconds):
            self.look(reached)

    def look(self, reached: Callable[[], Mapping[Place, int]]) -> None:
        """Ask every service once and log what has changed."""
        lines = [(outage, outage.look(now=self.now)) for outage in self.outages]
        for outage, line in lines:
            if line is not None:
                waiting = "" if outage.is_away else f"; {self._waiting(reached)}"
                self.log(f"{line}{waiting}")

    def _waiting(self, reached: Callable[[], Mapping[Place, int]]) -> str:
        ends, done = self.kafka.ends, reached()
        if ends is None or not done:
            return "how many events wait is not known"
        waiting = sum(max(end - done[place], 0) for place, end in ends.items() if place in done)
        return f"{waiting:,} events wait"


def watcher_of(
    kafka: KafkaCluster, store: HBaseStore, *, stream: str, topics: Sequence[str], log: Log
) -> Watcher:
    """Watches Kafka, HBase's gateway and HBase for the job of `stream` that reads `topics`."""
    kafka_probe = KafkaProbe(kafka, topics)
    gateway = Outage(GatewayProbe(store))
    hbase = Outage(HBaseProbe(store, stream), needs=(gateway,))
    return Watcher(kafka_probe, (Outage(kafka_probe), gateway, hbase), log)


def _connect_any(servers: Any) -> None:
    """Return when one of `servers` (host:port, several by commas or in a list) accepts."""
    names = servers.split(",") if isinstance(servers, str) else list(servers)
    for number, name in enumerate(names):
        host, _, port = name.rpartition(":")
        try:
            return _connect(host, int(port))
        except OSError:
            if number == len(names) - 1:
                raise


def _connect(host: str, port: int) -> None:
    socket.create_connection((host, port), timeout=_TIMEOUT_SECONDS).close()


def _utc(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
