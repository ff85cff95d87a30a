"""HBase and Kafka keep what the fakes of the unit tests promise (tests/contracts.py)."""

from kafka import KafkaAdminClient, KafkaProducer
from kafka.admin import NewTopic

from jobs.wiring.table_making import local_table
from local.endpoints import Endpoints
from local.tables import create_tables
from stores.hbase.attachments import AttachmentPlace
from stores.hbase.connection import HBaseStore, Session
from stores.hbase.states import StateTable
from stores.hbase.tables import table_specs
from stores.records.alerts import AlertTable
from stores.records.decisions import DecisionTable
from stores.records.device_keys import DeviceKeyTable
from stores.records.homes import HomeTable
from stores.records.review_cases import CaseTable
from tests.contracts import (
    check_alerts,
    check_attachments,
    check_decisions,
    check_device_keys,
    check_homes,
    check_pass_table,
    check_producer,
    check_review_cases,
)


def test_states_in_hbase(session: Session) -> None:
    check_pass_table(StateTable(session, "tiny"))


def test_homes_in_hbase(session: Session) -> None:
    check_homes(HomeTable(session, "tiny"))


def test_decisions_and_alerts_in_hbase(session: Session) -> None:
    check_decisions(DecisionTable(session, "tiny"))
    check_alerts(AlertTable(session, "tiny"))


def test_review_cases_in_hbase(session: Session) -> None:
    check_review_cases(CaseTable(session, "tiny"))


def test_keys_of_devices_in_hbase(session: Session) -> None:
    check_device_keys(DeviceKeyTable(session, "tiny"))


def test_a_producer_of_kafka(platform: Endpoints) -> None:
    servers, topic = platform.kafka_bootstrap_servers, "contract-of-a-producer"
    admin = KafkaAdminClient(bootstrap_servers=servers)
    producer = KafkaProducer(bootstrap_servers=servers, max_request_size=1_000)
    try:
        admin.create_topics([NewTopic(topic, num_partitions=1, replication_factor=1)])
        check_producer(producer, topic, refused=(b"7", b"x" * 2_000))  # by the producer itself
        admin.delete_topics([topic])
    finally:
        producer.close(timeout=30)
        admin.close()


def test_attachments_in_hbase(platform: Endpoints) -> None:
    store = HBaseStore(platform.hbase_thrift_host, platform.hbase_thrift_port, "attached")
    specs = table_specs("tiny", regions=4, state_versions=1, has_attachments=True)
    create_tables(platform, [local_table(store.namespace, spec) for spec in specs[-1:]])
    check_attachments(AttachmentPlace(store, retry_seconds=20.0))
