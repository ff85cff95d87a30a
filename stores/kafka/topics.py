"""A check that topics exist, before records are read or sent."""

from collections.abc import Mapping, Sequence
from typing import Any

from stores.kafka.clients import new_consumer
from stores.kafka.errors import KafkaDown, TopicMissing


def require_topics(client_options: Mapping[str, Any], topics: Sequence[str]) -> None:
    """Return when Kafka has all `topics`; raises `TopicMissing` or `KafkaDown`.

    client_options: keyword arguments of every kafka-python client.
    """
    from kafka.errors import KafkaError

    servers = client_options["bootstrap_servers"]
    try:
        consumer = new_consumer(client_options)
        try:
            existing = consumer.topics()
        finally:
            consumer.close()
    except (KafkaError, OSError) as error:
        raise KafkaDown(f"Kafka {servers}: {type(error).__name__}: {error}") from error
    missing = [topic for topic in topics if topic not in existing]
    if missing:
        raise TopicMissing(
            f"Kafka {servers} has no topics {missing}: run ./spark-submit.sh prepare_scenario"
        )
