"""Events in Kafka transactions, written by a librdkafka client."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

from confluent_kafka import Producer

from tests.support.lane import EVENTS
from tests.support.tiny_load import Record

_SECONDS = 60.0


@dataclass
class Transactions:
    """A transactional producer `name`; one transaction at a time."""

    servers: str
    name: str
    topic: str = EVENTS
    _producer: Producer | None = None
    _stored: list[tuple[int, int]] = field(default_factory=list)

    @property
    def producer(self) -> Producer:
        """The client, created at first use."""
        if self._producer is None:
            self._producer = Producer(
                {
                    "bootstrap.servers": self.servers,
                    "transactional.id": self.name,
                    "partitioner": "murmur2_random",  # that of Java's producer
                    "compression.type": "zstd",
                    "transaction.timeout.ms": 600_000,
                }
            )
            self._producer.init_transactions(_SECONDS)
        return self._producer

    def committed(self, records: Sequence[Record]) -> list[tuple[int, int]]:
        """Publish `records` in one transaction and return where they are."""
        with self.open(records):
            self.producer.commit_transaction(_SECONDS)
        return self._stored

    def aborted(self, records: Sequence[Record]) -> list[tuple[int, int]]:
        """The same, but give it up once all records are on the broker."""
        with self.open(records):
            self.producer.abort_transaction(_SECONDS)
        return self._stored

    @contextmanager
    def open(self, records: Sequence[Record]) -> Iterator[list[tuple[int, int]]]:
        """Inside the block the records are on the broker and the transaction has not ended."""
        self._stored = []
        self.producer.begin_transaction()
        for key, value in records:
            self.producer.produce(self.topic, value=value, key=key, on_delivery=self._note)
        assert self.producer.flush(_SECONDS) == 0
        yield self._stored

    def _note(self, error: object, message: object) -> None:
        assert error is None, error
        self._stored.append((message.partition(), message.offset()))  # type: ignore[attr-defined]
