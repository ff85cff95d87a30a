"""Which incarnation of a Kafka topic this is: its id, its partitions, where they begin and end."""

from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from typing import Any

from kafka import KafkaAdminClient, KafkaConsumer, TopicPartition
from kafka.errors import KafkaError


class KafkaDown(ConnectionError):
    """Kafka did not answer in time; raised with the address."""

    exit_code = 3


class TopicMissing(RuntimeError):
    """Kafka answers, but the topic is not there."""

    exit_code = 4


@dataclass(frozen=True)
class TopicIdentity:
    """A topic's id (new at each creation) and its partition numbers."""

    name: str
    topic_id: str
    partitions: tuple[int, ...]


@dataclass(frozen=True)
class KafkaCluster:
    """Where Kafka is; `security` holds further kafka-python client options."""

    bootstrap_servers: str
    timeout_seconds: float = 10.0
    security: Mapping[str, Any] = field(default_factory=dict)

    def identity(self, topic: str) -> TopicIdentity:
        """Raises `KafkaDown` or `TopicMissing`."""
        with self.admin() as admin:
            found = [each for each in admin.describe_topics([topic]) if each["name"] == topic]
        if not found or found[0].get("error_code") or not found[0]["partitions"]:
            raise TopicMissing(
                f"topic {topic!r} is not on Kafka {self.bootstrap_servers}: "
                "run ./spark-submit.sh prepare_scenario"
            )
        partitions = sorted(each["partition_index"] for each in found[0]["partitions"])
        return TopicIdentity(topic, str(found[0]["topic_id"]), tuple(partitions))

    def offsets(self, topic: str) -> Mapping[int, tuple[int, int]]:
        """Partition → (first offset kept, offset of the next record to come)."""
        partitions = self.identity(topic).partitions
        with self._client(KafkaConsumer) as consumer:
            positions = [TopicPartition(topic, partition) for partition in partitions]
            begin, end = consumer.beginning_offsets(positions), consumer.end_offsets(positions)
        return {p.partition: (begin[p], end[p]) for p in positions}

    def admin(self) -> AbstractContextManager[Any]:
        """An admin client for a block; Kafka's failures inside it become `KafkaDown`."""
        return self._client(KafkaAdminClient)

    @contextmanager
    def _client(self, kind: Any) -> Iterator[Any]:
        timeout_ms = int(self.timeout_seconds * 1000)
        try:
            client = kind(
                bootstrap_servers=self.bootstrap_servers,
                request_timeout_ms=timeout_ms,
                **self.security,
            )
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
