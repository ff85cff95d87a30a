"""What is on a topic: each customer's last offset, read from the topic itself."""

from collections.abc import Mapping
from typing import Any

from kafka import KafkaConsumer, TopicPartition

from streaming.topics import KafkaCluster

_POLL_MS = 500


def last_offsets(
    kafka: KafkaCluster, topic: str, *, client_options: Mapping[str, Any]
) -> Mapping[str, int]:
    """Customer → offset of the customer's last event; every customer is in one partition."""
    ends = {partition: end for partition, (_, end) in kafka.offsets(topic).items()}
    found: dict[str, int] = {}
    consumer = KafkaConsumer(**client_options, enable_auto_commit=False, max_poll_records=10_000)
    try:
        places = {TopicPartition(topic, partition): end for partition, end in ends.items()}
        consumer.assign(list(places))
        consumer.seek_to_beginning(*places)
        while any(consumer.position(place) < end for place, end in places.items()):
            for records in consumer.poll(timeout_ms=_POLL_MS).values():
                found.update((record.key.decode(), record.offset) for record in records)
    finally:
        consumer.close()
    return found
