"""Taken records on their way to Kafka."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from threading import Lock
from typing import Any

from stores.kafka.errors import KafkaDown
from stores.kafka.producer import open_producer, send

_FLUSH_SECONDS = 20.0


@dataclass
class RecordPublisher:
    """Publishes on `topic` with one producer, opened when it is first needed; for threads.

    client_options: keyword arguments of every kafka-python client
    """

    topic: str
    client_options: Mapping[str, Any]
    max_event_bytes: int
    _open: ExitStack = field(default_factory=ExitStack, repr=False)
    _producer: Any = field(default=None, repr=False)
    _lock: Lock = field(default_factory=Lock, repr=False)

    def __call__(self, messages: Sequence[tuple[bytes, bytes]]) -> None:
        """Return when Kafka has all of `messages` (key, value); raises `KafkaDown`."""
        from kafka.errors import KafkaError

        with self._current() as producer:
            try:
                futures = [
                    send(producer, self.topic, key=key, value=value) for key, value in messages
                ]
                producer.flush(timeout=_FLUSH_SECONDS)
                for future in futures:
                    future.get(timeout=_FLUSH_SECONDS)
            except KafkaError as error:
                raise KafkaDown(
                    f"{self.topic} takes no records: {type(error).__name__}: {error}"
                ) from error

    def close(self) -> None:
        """Close the producer; the next call opens another."""
        with self._lock:
            self._producer = None
            self._open.close()

    @contextmanager
    def _current(self) -> Iterator[Any]:
        with self._lock:
            if self._producer is None:
                self._producer = self._open.enter_context(
                    open_producer(
                        self.client_options, max_event_bytes=self.max_event_bytes, linger_ms=0
                    )
                )
        yield self._producer
