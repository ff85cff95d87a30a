"""A stream that has scored the first event of each partition; only partition 0 has another."""

import msgspec
from kafka import KafkaProducer

from stores.hbase.connection import Session
from stores.hbase.stamps import stamp
from stores.hbase.states import Marker, StateTable
from stores.records.epochs import EpochRecord, write_epoch
from tests.support.lane import Lane


def write_half_scored(lane: Lane, session: Session, marker: Marker) -> None:
    """Write the epoch, three events, and `marker` for both partitions."""
    record = EpochRecord(
        epoch=1,
        topic="tiny.events",
        topic_id=lane.kafka.identity("tiny.events").topic_id,
        partitions=2,
        first_offsets={0: 0, 1: 0},
        reason="begun",
        begun_at="2026-11-28T00:00:00Z",
    )
    write_epoch(session, "tiny", record)
    producer = KafkaProducer(bootstrap_servers=lane.servers)
    for partition in (0, 0, 1):
        producer.send("tiny.events", b"{}", key=b"k", partition=partition).get(10)
    producer.close()
    for partition in (0, 1):
        of_partition = msgspec.structs.replace(marker, partition=partition)
        StateTable(session, "tiny").write_marker(of_partition, position=stamp(1, 0))
