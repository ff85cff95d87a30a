"""Messages on the stream's output topics, by the position of the event that they are about."""

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import msgspec
import pyarrow as pa
from kafka import KafkaConsumer, TopicPartition

from stores.kafka.committed import COMMITTED_CLIENT

PREDICTIONS, DEAD_LETTERS, REVIEWS = "tiny.predictions", "tiny.dead-letter", "tiny.review"

Position = tuple[int, int]  # partition, offset
Headers = tuple[tuple[str, bytes], ...]


@dataclass(frozen=True)
class Message:
    """A message of an output topic, to the byte."""

    topic: str
    key: bytes | None
    value: bytes | None
    headers: Headers

    @property
    def about(self) -> Position:
        """The event that it is about."""
        if self.topic == DEAD_LETTERS:
            named = dict(self.headers)
            return int(named["source_partition"]), int(named["source_offset"])
        assert self.value is not None
        source = msgspec.json.decode(self.value)["source"]
        return source["partition"], source["offset"]


@dataclass
class OutputMessages:
    """Distinct messages per position; `occurrences` counts the outcomes with their repeats."""

    outcomes: dict[Position, set[Message]] = field(default_factory=dict)
    reviews: dict[Position, set[Message]] = field(default_factory=dict)
    occurrences: Counter[Position] = field(default_factory=Counter)

    def add(self, message: Message) -> None:
        """Record one message."""
        if message.topic == REVIEWS:
            self.reviews.setdefault(message.about, set()).add(message)
        else:
            self.outcomes.setdefault(message.about, set()).add(message)
            self.occurrences[message.about] += 1

    def missing(self, begins: Mapping[int, int], ends: Mapping[int, int]) -> list[Position]:
        """Positions from `begins` to before `ends` without any outcome."""
        expected = ((p, at) for p, end in ends.items() for at in range(begins[p], end))
        return [position for position in expected if position not in self.outcomes]

    def contradictions(self) -> dict[Position, set[Message]]:
        """Positions with more than one outcome, or with reviews that differ."""
        both = [*self.outcomes.items(), *self.reviews.items()]
        return {position: messages for position, messages in both if len(messages) > 1}

    @property
    def repeats(self) -> int:
        """Messages beyond the first one of their position."""
        return self.occurrences.total() - len(self.outcomes)

    def counts(self) -> Counter[str]:
        """Topic → number of different messages."""
        both = [*self.outcomes.values(), *self.reviews.values()]
        return Counter(message.topic for messages in both for message in messages)


class Listener:
    """Follows the output topics from their beginning."""

    def __init__(self, servers: str) -> None:
        self._consumer = consumer(servers)
        topics = (PREDICTIONS, DEAD_LETTERS, REVIEWS)
        places = [
            TopicPartition(topic, partition)
            for topic in topics
            for partition in self._consumer.partitions_for_topic(topic) or ()
        ]
        self._consumer.assign(places)
        self._consumer.seek_to_beginning(*places)
        self.messages = OutputMessages()

    def listen(self) -> OutputMessages:
        """All messages until now."""
        while polled := self._consumer.poll(timeout_ms=300, max_records=5000):
            for records in polled.values():
                for record in records:
                    headers = tuple((name, bytes(value)) for name, value in record.headers)
                    self.messages.add(Message(record.topic, record.key, record.value, headers))
        return self.messages

    def close(self) -> None:
        """Close the consumer."""
        self._consumer.close()


def consumer(servers: str) -> KafkaConsumer:
    """A consumer without a group that reads what is committed, from the beginning."""
    return KafkaConsumer(
        bootstrap_servers=servers,
        group_id=None,
        enable_auto_commit=False,
        auto_offset_reset="earliest",
        max_partition_fetch_bytes=32 * 1024 * 1024,
        reconnect_backoff_max_ms=1_000,
        **COMMITTED_CLIENT,
    )


def messages_in(output: pa.Table) -> Iterator[Message]:
    """The messages in the pass's output for one batch."""
    for row in output.to_pylist():
        headers = tuple((header["key"], header["value"]) for header in row["headers"] or ())
        yield Message(row["topic"], row["key"], row["value"], headers)


def records_of(servers: str, topic: str, ends: Mapping[int, int]) -> dict[int, list[Any]]:
    """Partition → all committed records of `topic` before `ends`."""
    records_by_partition: dict[int, list[Any]] = {partition: [] for partition in ends}
    client = consumer(servers)
    try:
        places = [TopicPartition(topic, partition) for partition in ends]
        client.assign(places)
        client.seek_to_beginning(*places)
        while any(client.position(place) < ends[place.partition] for place in places):
            for place, records in client.poll(timeout_ms=1000, max_records=5000).items():
                records_by_partition[place.partition] += [
                    r for r in records if r.offset < ends[place.partition]
                ]
    finally:
        client.close()
    return records_by_partition
