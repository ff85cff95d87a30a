"""Has the stream scored everything that was published?"""

import time
from collections.abc import Callable

from stores.hbase.connection import HBaseStore, Session
from stores.hbase.states import StateTable
from stores.kafka.cluster import KafkaCluster
from stores.records.epochs import read_epoch
from streaming.position.gaps import Gaps
from streaming.position.progress import done_upto


def wait_until_scored(
    store: HBaseStore,
    kafka: KafkaCluster,
    scenario: str,
    *,
    check: Callable[[], None],
    timeout_seconds: float,
) -> None:
    """Return when the markers have passed every committed event that is on the topic now.

    A topic may end with markers of transactions and aborted events, which no batch ever reaches:
    Kafka is asked whether anything readable is left. `check` is called while waiting and raises
    when the stream has ended. Raises `TimeoutError`.
    """
    session = Session(store, retry_seconds=store.timeout_seconds)
    states = StateTable(session, scenario)
    topic = f"{scenario}.events"
    gaps = Gaps(kafka, topic)
    deadline = time.monotonic() + timeout_seconds
    survey = kafka.survey([topic])[topic]
    unscored = dict(survey.offsets)
    try:
        while unscored and time.monotonic() < deadline:
            check()
            epoch = read_epoch(session, scenario)
            for partition, (first, end) in list(unscored.items()):
                marker = states.newest_marker(partition)
                begin = max(first, done_upto(marker, survey, epoch, partition=partition))
                if gaps.are_empty(partition, begin, end):
                    del unscored[partition]
            time.sleep(0.1)
    finally:
        gaps.close()
        session.close()
    if unscored:
        ends = {partition: end for partition, (_, end) in unscored.items()}
        raise TimeoutError(f"after {timeout_seconds:.0f} s partitions {ends} are not scored")
