"""What is asked for: customers of the topic, their newest events, and the requests about them."""

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

import msgspec
from kafka import TopicPartition

from stores.hbase.connection import HBaseStore
from stores.hbase.predictions import reader
from stores.kafka.cluster import KafkaCluster

_POLL_SECONDS = 30.0


@dataclass(frozen=True)
class Sample:
    """One customer and one of their events, as it was published."""

    entity: str
    event: bytes


def sampled(
    kafka: KafkaCluster, store: HBaseStore, scenario: str, *, customers: int
) -> list[Sample]:
    """Newest events of up to `customers` customers who have a latest row."""
    events = {sample.entity: sample for sample in _newest_events(kafka, f"{scenario}.events")}
    with reader(store, scenario) as predictions:
        rows = predictions.latest_many(list(events)[-customers:])
    return [events[entity] for entity in rows]


def _newest_events(kafka: KafkaCluster, topic: str, *, most: int = 20_000) -> Iterator[Sample]:
    offsets = kafka.offsets(topic)
    with kafka.consumer() as consumer:
        places = [TopicPartition(topic, partition) for partition in offsets]
        consumer.assign(places)
        for place in places:
            begin, end = offsets[place.partition]
            consumer.seek(place, max(begin, end - most // len(places)))
        deadline = time.monotonic() + _POLL_SECONDS
        while time.monotonic() < deadline and any(
            consumer.position(place) < offsets[place.partition][1] for place in places
        ):
            for records in consumer.poll(timeout_ms=200).values():
                for record in records:
                    if record.key and record.value:
                        yield Sample(record.key.decode(), record.value)


def write_raw(path: Path, samples: Sequence[Sample]) -> None:
    """The entities, for raw reads."""
    path.write_bytes(msgspec.msgpack.encode([sample.entity for sample in samples]))


def write_latest(path: Path, samples: Sequence[Sample], *, scenario: str, key: str) -> None:
    """Requests for the latest row of each."""
    requests = [
        _head("GET", f"/v1/{scenario}/latest/{quote(sample.entity, safe='')}", key) + b"\r\n"
        for sample in samples
    ]
    path.write_bytes(msgspec.msgpack.encode(requests))


def write_what_ifs(path: Path, samples: Sequence[Sample], *, scenario: str, key: str) -> None:
    """Requests that score each one's own event once more, as a what-if."""
    requests = []
    for sample in samples:
        body = msgspec.json.encode({"entity": sample.entity, "events": [msgspec.Raw(sample.event)]})
        head = _head("POST", f"/v1/{scenario}/what-if", key)
        length = f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
        requests.append(head + length.encode() + body)
    path.write_bytes(msgspec.msgpack.encode(requests))


def _head(method: str, path: str, key: str) -> bytes:
    return f"{method} {path} HTTP/1.1\r\nHost: bench\r\nAuthorization: Bearer {key}\r\n".encode()
