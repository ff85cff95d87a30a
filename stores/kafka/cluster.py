"""Which incarnation of a Kafka topic this is: its id, its partitions, where they begin and end."""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from kafka import TopicPartition
from kafka.errors import KafkaError

from stores.kafka.clients import new_admin, new_consumer
from stores.kafka.errors import KafkaDown, TopicMissing

# Kafka gives a larger record whole all the same.
_ONE_RECORD_BYTES = 16_384


@dataclass(frozen=True)
class TopicIdentity:
    """A topic's id (new at each creation) and its partition numbers."""

    name: str
    topic_id: str
    partitions: tuple[int, ...]


@dataclass(frozen=True)
class Survey:
    """A topic's identity, and partition → (first retained offset, end of what is committed)."""

    identity: TopicIdentity
    offsets: Mapping[int, tuple[int, int]]

    @property
    def ends(self) -> Mapping[int, int]:
        """Partition → offset after the last that is committed."""
        return {partition: end for partition, (_, end) in self.offsets.items()}


@dataclass(frozen=True)
class KafkaCluster:
    """Where Kafka is; `security` holds further kafka-python client options."""

    bootstrap_servers: str
    timeout_seconds: float = 10.0
    security: Mapping[str, Any] = field(default_factory=dict, repr=False)  # a password among them

    @property
    def client_options(self) -> dict[str, Any]:
        """Keyword arguments of every kafka-python client, see `stores.kafka.clients`."""
        return {
            "bootstrap_servers": self.bootstrap_servers.split(","),
            "request_timeout_ms": int(self.timeout_seconds * 1000),
            **self.security,
        }

    def identity(self, topic: str) -> TopicIdentity:
        """Raises `KafkaDown` or `TopicMissing`."""
        return self.identities([topic])[topic]

    def identities(self, topics: Sequence[str]) -> Mapping[str, TopicIdentity]:
        """Topic → its identity, in one request; raises `KafkaDown` or `TopicMissing`."""
        with self.admin() as admin:
            descriptions = {entry["name"]: entry for entry in admin.describe_topics(list(topics))}
        identities = {}
        for topic in topics:
            description = descriptions.get(topic, {})
            if description.get("error_code") or not description.get("partitions"):
                raise TopicMissing(
                    f"topic {topic!r} is not on Kafka {self.bootstrap_servers}: "
                    "run ./spark-submit.sh prepare_scenario"
                )
            topic_id = str(description["topic_id"])
            partitions = sorted(entry["partition_index"] for entry in description["partitions"])
            identities[topic] = TopicIdentity(topic, topic_id, tuple(partitions))
        return identities

    def offsets(self, topic: str) -> Mapping[int, tuple[int, int]]:
        """Partition → (first retained offset, end): what lies behind the end is not committed.

        The end is the last stable offset: a transaction that is still open begins there, or the
        next record to come.
        """
        partitions = self.identity(topic).partitions
        with self.consumer() as consumer:
            positions = [TopicPartition(topic, partition) for partition in partitions]
            begin, end = consumer.beginning_offsets(positions), consumer.end_offsets(positions)
        return {p.partition: (begin[p], end[p]) for p in positions}

    def arrivals(self, topic: str, offsets: Mapping[int, int]) -> Mapping[int, datetime]:
        """Partition → when the first committed record at or after its offset reached Kafka.

        A partition without such a record is left out. Raises `KafkaDown`.
        """
        if not offsets:
            return {}
        options = {"max_partition_fetch_bytes": _ONE_RECORD_BYTES}
        arrivals: dict[int, datetime] = {}
        with self._client(new_consumer, **options) as consumer:
            places = {TopicPartition(topic, number): at for number, at in offsets.items()}
            consumer.assign(list(places))
            ends = consumer.end_offsets(list(places))
            for place, offset in places.items():
                consumer.seek(place, offset)
            give_up_at = time.monotonic() + self.timeout_seconds
            while (pending := [place for place in places if place.partition not in arrivals]) and (
                time.monotonic() < give_up_at
            ):
                if all(consumer.position(place) >= ends[place] for place in pending):
                    break
                for place, records in consumer.poll(timeout_ms=200).items():
                    moment = datetime.fromtimestamp(records[0].timestamp / 1000, UTC)
                    arrivals.setdefault(place.partition, moment)
        return arrivals

    def survey(self, topics: Sequence[str]) -> Mapping[str, "Survey"]:
        """Topic → its identity and offsets, with as few connections as possible.

        The identity is read again after the offsets: they belong to no later one.
        Raises `KafkaDown` or `TopicMissing`.
        """
        before = self.identities(topics)
        positions = [TopicPartition(t, p) for t in topics for p in before[t].partitions]
        with self.consumer() as consumer:
            begin, end = consumer.beginning_offsets(positions), consumer.end_offsets(positions)
        offsets: dict[str, dict[int, tuple[int, int]]] = {topic: {} for topic in topics}
        for place in positions:
            offsets[place.topic][place.partition] = (begin[place], end[place])
        after = self.identities(topics)
        return {topic: Survey(after[topic], offsets[topic]) for topic in topics}

    def admin(self) -> AbstractContextManager[Any]:
        """An admin client for a block; Kafka's failures inside it become `KafkaDown`."""
        return self._client(new_admin)

    def uncommitted(self, topic: str) -> Mapping[int, int]:
        """Partition → how many offsets lie behind the last stable one, in open transactions."""
        committed = self.offsets(topic)
        with self._client(new_consumer, isolation_level="read_uncommitted") as consumer:
            places = [TopicPartition(topic, partition) for partition in committed]
            ends = consumer.end_offsets(places)
        return {p.partition: max(ends[p] - committed[p.partition][1], 0) for p in places}

    def consumer(self) -> AbstractContextManager[Any]:
        """A consumer of committed records, without a group, for a block; as `admin`."""
        return self._client(new_consumer)

    @contextmanager
    def _client(self, new_client: Callable[..., Any], **options: Any) -> Iterator[Any]:
        try:
            client = new_client(self.client_options, **options)
        except (KafkaError, OSError) as error:
            raise KafkaDown(
                f"Kafka {self.bootstrap_servers} does not answer ({type(error).__name__}: {error})"
            ) from error
        try:
            yield client
        except (KafkaError, OSError) as error:
            raise KafkaDown(
                f"Kafka {self.bootstrap_servers} stopped answering "
                f"({type(error).__name__}: {error})"
            ) from error
        finally:
            client.close()
