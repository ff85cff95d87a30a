"""How many messages the topics of a scenario hold, and how many rows its table has."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from kafka import TopicPartition

from stores.hbase.connection import HBaseStore
from stores.kafka.clients import new_consumer
from stores.kafka.cluster import KafkaCluster

KINDS = ("events", "predictions", "dead-letter", "review")


@dataclass(frozen=True)
class TopicCounts:
    """Messages per kind of topic since each topic's first retained offset."""

    messages: Mapping[str, int] = field(default_factory=dict)

    def __getitem__(self, kind: str) -> int:
        return self.messages.get(kind, 0)


class TopicCounter:
    """Counts committed messages by offsets over one open connection."""

    def __init__(self, kafka: KafkaCluster, scenario: str) -> None:
        self._scenario = scenario
        self._consumer = new_consumer(kafka.client_options)

    def counts(self) -> TopicCounts:
        """The current counts; a topic that does not exist counts 0."""
        return TopicCounts({kind: self._count(kind) for kind in KINDS})

    def partitions(self, kind: str) -> list[int]:
        """The partitions of the scenario's topic of `kind`; none when there is no such topic."""
        return sorted(self._consumer.partitions_for_topic(f"{self._scenario}.{kind}") or ())

    def close(self) -> None:
        """Close the connection."""
        self._consumer.close()

    def offsets(self, kind: str) -> Mapping[int, tuple[int, int]]:
        """Partition → (first retained offset, offset of the next record)."""
        topic = f"{self._scenario}.{kind}"
        numbers = self._consumer.partitions_for_topic(topic) or ()
        partitions = [TopicPartition(topic, number) for number in numbers]
        begin = self._consumer.beginning_offsets(partitions)
        end = self._consumer.end_offsets(partitions)
        return {partition.partition: (begin[partition], end[partition]) for partition in partitions}

    def _count(self, kind: str) -> int:
        return sum(end - begin for begin, end in self.offsets(kind).values())


def row_count(store: HBaseStore, scenario: str) -> int:
    """Entities with a latest prediction: a scan of keys only."""
    with store.open() as connection:
        rows = connection.table(scenario).scan(
            columns=[b"p:latest"], filter="KeyOnlyFilter()", batch_size=5000
        )
        return sum(1 for _ in rows)
