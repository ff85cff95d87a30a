"""Has the stream scored everything that was published?"""

import time
from collections.abc import Callable

from stores.connection import HBaseStore, Session
from stores.states import StateTable
from streaming.topics import KafkaCluster


def wait_until_scored(
    store: HBaseStore,
    kafka: KafkaCluster,
    scenario: str,
    *,
    check: Callable[[], None],
    timeout_seconds: float,
) -> None:
    """Return when the markers have passed every event that is on the topic now.

    `check` is called while waiting and raises when the stream has ended. Raises `TimeoutError`.
    """
    session = Session(store, retry_seconds=store.timeout_seconds)
    states = StateTable(session, scenario)
    deadline = time.monotonic() + timeout_seconds
    ends = {partition: end for partition, (_, end) in kafka.offsets(f"{scenario}.events").items()}
    try:
        while ends and time.monotonic() < deadline:
            check()
            for partition, end in list(ends.items()):
                marker = states.newest_marker(partition)
                if end == 0 or (marker is not None and marker.offset >= end - 1):
                    del ends[partition]
            time.sleep(0.1)
    finally:
        session.close()
    if ends:
        raise TimeoutError(f"after {timeout_seconds:.0f} s partitions {ends} are not scored")
