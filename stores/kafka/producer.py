"""A producer whose records are on all in-sync replicas when they are acknowledged."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from stores.kafka.errors import KafkaDown

_LINGER_MS = 20
_CLOSE_SECONDS = 5.0
# Room above the largest event for key, headers and framing.
_FRAMING_BYTES = 64 * 1024


@contextmanager
def open_producer(
    client_options: Mapping[str, Any], *, max_event_bytes: int, linger_ms: int = _LINGER_MS
) -> Iterator[Any]:
    """A kafka-python producer for events up to `max_event_bytes`, closed at the end.

    client_options: keyword arguments of every kafka-python client; linger_ms: how long a record
    waits for others to be sent with. Raises `KafkaDown`.
    """
    from kafka import KafkaProducer
    from kafka.errors import KafkaError

    settings = {
        "acks": "all",
        "enable_idempotence": True,
        "compression_type": "lz4",
        "linger_ms": linger_ms,
        "max_request_size": max_event_bytes + _FRAMING_BYTES,
        "max_block_ms": 10_000,
        "allow_auto_create_topics": False,
    }
    try:
        producer = KafkaProducer(**{**settings, **client_options})
    except (KafkaError, OSError) as error:
        servers = client_options["bootstrap_servers"]
        raise KafkaDown(f"Kafka {servers}: {type(error).__name__}: {error}") from error
    try:
        yield producer
    finally:
        producer.close(timeout=_CLOSE_SECONDS)


def send(producer: Any, topic: str, **record: Any) -> Any:
    """`producer.send`, whose answer is the record's outcome in every case.

    A record that is larger than the producer takes at all is an error of the future as one that
    Kafka refuses, not of the call: the records behind it are sent.
    """
    from kafka.errors import MessageSizeTooLargeError
    from kafka.future import Future

    try:
        return producer.send(topic, **record)
    except MessageSizeTooLargeError as error:
        return Future().failure(error)
