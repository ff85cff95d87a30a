"""Whether a system has scored everything that is on the topic, by its markers in HBase."""

import time
from dataclasses import dataclass

from jobs.launcher.child_jobs import ChildJob
from stores.hbase.connection import HBaseStore, Session
from stores.hbase.states import StateTable
from stores.kafka.cluster import KafkaCluster


class FellBehind(RuntimeError):
    """The system does not keep up with the load; its latency has no meaning."""

    exit_code = 1


@dataclass(frozen=True)
class Follower:
    """Compares the ends of S.events with the markers of one store."""

    kafka: KafkaCluster
    store: HBaseStore
    scenario: str

    def wait_until_scored(self, running: ChildJob, *, timeout_seconds: float) -> int:
        """Wait until everything that is on the topic now has its rows; returns how many events.

        Raises `FellBehind` with the lag after `timeout_seconds`, `ChildFailed` when `running` ends.
        """
        offsets = self.kafka.offsets(f"{self.scenario}.events")
        deadline = time.monotonic() + timeout_seconds
        session = Session(self.store, retry_seconds=timeout_seconds)
        try:
            table = StateTable(session, self.scenario)
            while lag := sum(_left(table, p, end=end) for p, (_, end) in offsets.items()):
                running.check()
                if time.monotonic() > deadline:
                    raise FellBehind(
                        f"{running.name} is {lag:,} events behind after {timeout_seconds:.0f} s; "
                        f"its log is {running.log}"
                    )
                time.sleep(0.1)
        finally:
            session.close()
        return sum(end - begin for begin, end in offsets.values())


def _left(table: StateTable, partition: int, *, end: int) -> int:
    """Events of the partition that are not scored yet; topics here begin at offset 0."""
    marker = table.newest_marker(partition)
    return end - (marker.offset + 1 if marker else 0)
