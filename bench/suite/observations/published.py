"""What is on a topic: how much, and each customer's last offset, read from the topic itself."""

from collections.abc import Mapping
from typing import Any

from kafka import KafkaConsumer, TopicPartition

from bench.measurement import MeasurementUnsound
from stores.kafka.cluster import KafkaCluster

_POLL_MS = 500
_LEAST_SHARE = 0.95


def check_published(kafka: KafkaCluster, topic: str, *, wanted: float) -> None:
    """Raise `MeasurementUnsound` where a load left less than nearly all of its `wanted` events."""
    published = sum(end - begin for begin, end in kafka.offsets(topic).values())
    if published < _LEAST_SHARE * wanted:
        raise MeasurementUnsound(
            f"{published:,} events were published, expected {wanted:,.0f}: the machine is too busy"
        )


def last_offsets(
    kafka: KafkaCluster, topic: str, *, client_options: Mapping[str, Any]
) -> Mapping[str, int]:
    """Customer → offset of the customer's last event; every customer is in one partition."""
    ends = {partition: end for partition, (_, end) in kafka.offsets(topic).items()}
    offsets: dict[str, int] = {}
    consumer = KafkaConsumer(**client_options, enable_auto_commit=False, max_poll_records=10_000)
    try:
        places = {TopicPartition(topic, partition): end for partition, end in ends.items()}
        consumer.assign(list(places))
        consumer.seek_to_beginning(*places)
        while any(consumer.position(place) < end for place, end in places.items()):
            for records in consumer.poll(timeout_ms=_POLL_MS).values():
                offsets.update((record.key.decode(), record.offset) for record in records)
    finally:
        consumer.close()
    return offsets
