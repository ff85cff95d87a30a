"""The topics of cases and of decisions in Kafka."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from kafka import TopicPartition
from msgspec.structs import replace

from serving.review_queue.keeper import CaseRecords, Log, Publish
from serving.review_queue.messages import CaseRecord
from stores.hbase.connection import StoreDown
from stores.kafka.clients import new_consumer
from stores.kafka.cluster import KafkaCluster
from stores.kafka.errors import KafkaDown
from stores.kafka.producer import open_producer, send
from stores.records.review_cases import TopicPosition

_MOST_RECORDS = 500
_POLL_MS = 200


@dataclass
class KafkaCaseTopic:
    """`S.review` or `S.dead-letter`, read without a group: its position is the store's."""

    consumer: Any
    topic: str
    topic_id: str
    partitions: Sequence[int]
    log: Log
    _at: TopicPosition | None = None

    def after(self, position: TopicPosition | None) -> CaseRecords:
        """The next records; raises kafka-python's errors."""
        if position is None or position.topic_id != self.topic_id:
            if position is not None:
                self.log(f"{self.topic} was recreated: read from its beginning")
            refused = 0 if position is None else position.refused
            position = TopicPosition(topic_id=self.topic_id, next={}, refused=refused)
        if self._at is None or self._at.next != position.next:
            self._seek(position)
        records, following = [], dict(position.next)
        for place, batch in self.consumer.poll(_POLL_MS, max_records=_MOST_RECORDS).items():
            records += [
                CaseRecord(r.value or b"", r.timestamp, r.key, tuple(r.headers)) for r in batch
            ]
            following[place.partition] = batch[-1].offset + 1
        self._at = replace(position, next=following)
        return CaseRecords(records, self._at)

    def _seek(self, position: TopicPosition) -> None:
        places = [TopicPartition(self.topic, partition) for partition in self.partitions]
        self.consumer.assign(places)
        first, end = self.consumer.beginning_offsets(places), self.consumer.end_offsets(places)
        for place in places:
            wanted = position.next.get(place.partition, 0)
            if wanted > end[place]:
                self.log(f"{self.topic}-{place.partition} has lost records from {end[place]:,} on")
                wanted = end[place]
            if 0 < wanted < first[place]:
                self.log(
                    f"{self.topic}-{place.partition}: offsets {wanted:,} to {first[place] - 1:,} "
                    "are gone from Kafka: their cases were never in the queue"
                )
            self.consumer.seek(place, max(wanted, first[place]))


@contextmanager
def kafka_cases(kafka: KafkaCluster, topic: str, log: Log) -> Iterator[KafkaCaseTopic]:
    """The topic of cases or of dead letters for a block; raises `KafkaDown` or `TopicMissing`."""
    from kafka.errors import KafkaError

    identity = kafka.identity(topic)
    try:
        # Out of range, the topic was recreated or cut: start again rather than pass over cases.
        consumer = new_consumer(kafka.client_options, auto_offset_reset="none")
        try:
            yield KafkaCaseTopic(consumer, topic, identity.topic_id, identity.partitions, log)
        finally:
            consumer.close()
    except (KafkaError, OSError) as error:
        if isinstance(error, KafkaDown | StoreDown):
            raise
        raise KafkaDown(f"Kafka {kafka.bootstrap_servers}: {error}") from error


@contextmanager
def kafka_decisions(kafka: KafkaCluster, topic: str, *, max_bytes: int) -> Iterator[Publish]:
    """Sends to the topic of decisions for a block; raises `KafkaDown`."""
    from kafka.errors import KafkaError

    with open_producer(kafka.client_options, max_event_bytes=max_bytes, linger_ms=0) as producer:

        def publish(records: Sequence[tuple[bytes, bytes]]) -> None:
            futures = [send(producer, topic, key=key, value=value) for key, value in records]
            try:
                for future in futures:
                    future.get(timeout=kafka.timeout_seconds)
            except KafkaError as error:
                raise KafkaDown(
                    f"Kafka {kafka.bootstrap_servers} does not take decisions: {error}"
                ) from error

        yield publish
