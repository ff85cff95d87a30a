"""Records of a topic between offsets, read at once; bounded in time and size."""

import time
from collections.abc import Mapping
from typing import Any

from stores.kafka.clients import new_consumer
from stores.kafka.cluster import KafkaCluster
from stores.kafka.errors import KafkaDown

_MOST_BYTES = 32 << 20
_FETCH_BYTES = 1 << 20
_MOST_SECONDS = 5.0


def records_in(
    kafka: KafkaCluster, topic: str, spans: Mapping[int, tuple[int, int]]
) -> tuple[list[Any], bool]:
    """kafka-python's records of each partition's span [begin, end), in order of arrival.

    Also whether there was time and room for all. Raises `KafkaDown`.
    """
    from kafka.errors import KafkaError

    try:
        consumer = new_consumer(
            kafka.client_options,
            max_partition_fetch_bytes=_FETCH_BYTES,
            fetch_max_bytes=_FETCH_BYTES * 4,
        )
        try:
            records, is_whole = _read(consumer, topic, spans)
        finally:
            consumer.close()
    except (KafkaError, OSError) as error:
        raise KafkaDown(
            f"Kafka {kafka.bootstrap_servers} does not answer ({type(error).__name__}: {error})"
        ) from error
    records.sort(key=lambda record: (record.timestamp, record.partition, record.offset))
    return records, is_whole


def _read(
    consumer: Any, topic: str, spans: Mapping[int, tuple[int, int]]
) -> tuple[list[Any], bool]:
    from kafka import TopicPartition

    places = {TopicPartition(topic, partition): span for partition, span in spans.items()}
    consumer.assign(list(places))
    for place, (begin, _) in places.items():
        consumer.seek(place, begin)
    records: list[Any] = []
    give_up_at, size = time.monotonic() + _MOST_SECONDS, 0
    while any(consumer.position(place) < end for place, (_, end) in places.items()):
        if time.monotonic() > give_up_at or size > _MOST_BYTES:
            return records, False
        for of_partition in consumer.poll(timeout_ms=200).values():
            records += of_partition
            size += sum(len(record.value or b"") for record in of_partition)
    return records, True
