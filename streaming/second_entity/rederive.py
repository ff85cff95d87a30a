"""Derives a second entity's stream again from the scenario's events and labels, which are retained.

The answer to other feature definitions, lost states and a changed topic alike: the topic of
re-keyed events and the states are dropped, then derived from the first retained record.
"""

import time
from typing import Any

from scenarios.contract.keyed import KeyedEntity
from stores.hbase.connection import HBaseStore, Session
from stores.hbase.region_markers import open_epoch
from stores.hbase.stamps import FIRST_EPOCH
from stores.kafka.cluster import KafkaCluster, TopicIdentity
from stores.kafka.errors import TopicMissing
from stores.records.epochs import read_epoch
from streaming.position.checkpoints import Checkpoints
from streaming.position.epochs import begun
from streaming.second_entity.rekey_checkpoints import RekeyCheckpoints

_SETTLING_SECONDS = 60.0


class TopicStays(RuntimeError):
    """Kafka accepted the deletion of a topic, but the topic is still there."""

    exit_code = 3


def drop_derived(kafka: KafkaCluster, store: HBaseStore, keyed: KeyedEntity) -> None:
    """Drop the topic of re-keyed events and the table, as far as they exist."""
    _delete_topic(kafka, keyed.topic("events"))

    def drop(connection: Any) -> None:
        name = f"{store.namespace}:{keyed.name}".encode()
        if name in connection.client.getTableNames():
            connection.delete_table(keyed.name, disable=True)

    with store.open() as connection:
        drop(connection)


def begin_again(
    kafka: KafkaCluster, session: Session, keyed: KeyedEntity, checkpoints: RekeyCheckpoints
) -> int:
    """Once topic and table are created again: read the sources from the start, in a new epoch.

    Returns its number. The order matters: without the new epoch the stream does not start, so a
    crash in between leaves nothing half derived.
    """
    checkpoints.begin_again(kafka.survey(keyed.source_topics))
    identity, old = _of_new_topic(kafka, keyed.topic("events")), read_epoch(session, keyed.name)
    first = {partition: begin for partition, (begin, _) in kafka.offsets(identity.name).items()}
    # A control table that was lost has no epoch, but offsets of the old topic may be left.
    saved = Checkpoints(checkpoints.files, checkpoints.root, keyed.name, FIRST_EPOCH)
    epoch = max(old.epoch if old else 0, saved.newest_epoch()) + 1
    record = begun(
        identity,
        first,
        epoch=epoch,
        reason="derived from scratch",
        partitioner=keyed.partitioner,
        after=old,
    )
    open_epoch(session, keyed.name, record)
    return epoch


def _of_new_topic(kafka: KafkaCluster, topic: str) -> TopicIdentity:
    """Its identity, once Kafka's brokers have it; raises `TopicMissing`."""
    give_up_at = time.monotonic() + _SETTLING_SECONDS
    while True:
        try:
            return kafka.identity(topic)
        except TopicMissing:
            if time.monotonic() > give_up_at:
                raise
            time.sleep(0.2)


def _delete_topic(kafka: KafkaCluster, topic: str) -> None:
    with kafka.admin() as admin:
        if topic not in admin.list_topics():
            return
        admin.delete_topics([topic])
        give_up_at = time.monotonic() + _SETTLING_SECONDS
        while topic in admin.list_topics():
            if time.monotonic() > give_up_at:
                raise TopicStays(
                    f"topic {topic} is still there {_SETTLING_SECONDS:.0f} s after its deletion: "
                    "see whether delete.topic.enable is set, then run the same command again"
                )
            time.sleep(0.2)
