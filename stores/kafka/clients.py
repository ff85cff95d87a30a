"""Clients of Kafka: all product code gets its consumers and admin clients here.

`client_options` are the keyword arguments of every kafka-python client: servers, security, timeout.
"""

from collections.abc import Mapping
from typing import Any

from stores.kafka.committed import COMMITTED_CLIENT


def new_consumer(client_options: Mapping[str, Any], **options: Any) -> Any:
    """A consumer of committed records without a group; the caller closes it.

    options: further ones of `kafka.KafkaConsumer`. Raises kafka-python's `KafkaError`.
    """
    from kafka import KafkaConsumer

    settings = {**COMMITTED_CLIENT, "group_id": None, "enable_auto_commit": False}
    return KafkaConsumer(**{**settings, **client_options, **options})


def new_admin(client_options: Mapping[str, Any], **options: Any) -> Any:
    """An admin client; the caller closes it. Raises kafka-python's `KafkaError`."""
    from kafka import KafkaAdminClient

    return KafkaAdminClient(**{**client_options, **options})
