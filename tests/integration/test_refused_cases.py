"""Dead letters become cases, and their decisions records, over a real HBase and Kafka."""

from collections.abc import Iterator

import msgspec
import pytest
from kafka import KafkaProducer

from local.endpoints import Endpoints
from scenarios.contract.review.decisions import TOPIC_KIND, ReviewDecision, decision_in
from serving.records.spans import records_in
from serving.review_queue.case_store import cases_in_hbase
from serving.review_queue.keeper_thread import KeeperThread
from serving.review_queue.queue import ReviewQueue
from serving.sessions import SessionPool
from stores.hbase.connection import HBaseStore
from stores.kafka.cluster import KafkaCluster
from stores.kafka.topic_plan import topic_specs
from tests.support.leaf_desk import RULES, SCENARIO, LeafDesk, blank_event, letter
from tests.support.processes import wait_until
from tests.support.review_cases import tiny_prediction
from tests.support.topics import empty_topics


@pytest.fixture
def kafka(platform: Endpoints) -> KafkaCluster:
    """Kafka with the topics of leaves, empty."""
    cluster = KafkaCluster(platform.kafka_bootstrap_servers, timeout_seconds=30.0)
    specs = topic_specs("leaves", max_message_bytes=1_000_000)
    empty_topics(cluster, specs, partitions=2)
    return cluster


@pytest.fixture
def producer(kafka: KafkaCluster) -> Iterator[KafkaProducer]:
    """Sends to Kafka."""
    opened = KafkaProducer(bootstrap_servers=kafka.bootstrap_servers)
    yield opened
    opened.close()


def test_dead_letters_are_cases_whose_decisions_are_published(
    store: HBaseStore, kafka: KafkaCluster, producer: KafkaProducer
) -> None:
    pool = SessionPool(store, retry_seconds=20.0)
    queue = ReviewQueue(SCENARIO, RULES, cases_in_hbase(pool, "leaves"))
    shown = LeafDesk().attachments.shown
    for number in (3, 4, 3):  # the first one twice
        record = letter(number, blank_event(), "attachment_blank")
        producer.send("leaves.dead-letter", record.value, record.key, list(record.headers))
    value = msgspec.json.encode(tiny_prediction(1, scenario="leaves"))
    producer.send("leaves.review", value)
    producer.send("leaves.events", blank_event(), b"fern 9")
    producer.flush(60)

    lines: list[str] = []
    keeper = KeeperThread(
        scenario="leaves",
        rules=RULES,
        open_store=queue.open_store,
        hbase=store,
        kafka=kafka,
        max_bytes=1_000_000,
        log=lines.append,
        shown=shown,
    )
    keeper.start()
    try:
        wait_until(lambda: len(ids(queue)) == 3, timeout=120.0, what=f"three cases: {lines}")
        assert ids(queue)[2] == "leaves-1-0-1-v1"
        for verdict, note in (("sick", ""), ("seen", "nothing to see")):
            case = queue.claim_next("ann")
            assert case is not None
            assert case.claim is not None
            queue.decide("ann", case.id, case.claim.token, verdict, note)
        wait_until(lambda: len(decisions_in(kafka)) >= 2, timeout=120.0, what="two decisions")
    finally:
        keeper.stop()
    found = {d.prediction_id: (d.verdict, d.label, d.score) for d in decisions_in(kafka)}
    assert found == {
        "leaves-1-0-3-refused": ("sick", 1, None),
        "leaves-1-0-4-refused": ("seen", None, None),
    }
    with queue.open_store() as cases:
        position = cases.position(of_letters=True)
    assert position is not None
    assert sum(position.next.values()) == 3

    (record,), is_whole = records_in(kafka, "leaves.events", kafka.offsets("leaves.events"))
    assert (is_whole, record.key, record.value) == (True, b"fern 9", blank_event())


def decisions_in(kafka: KafkaCluster) -> list[ReviewDecision]:
    """All decisions that Kafka has."""
    topic = f"leaves.{TOPIC_KIND}"
    records, _ = records_in(kafka, topic, kafka.offsets(topic))
    return [decision for record in records if (decision := decision_in(record.value))]


def ids(queue: ReviewQueue) -> list[str]:
    """The cases that wait, first ones first."""
    return [case.id for case in queue.waiting()[0]]
