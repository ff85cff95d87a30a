"""A query in real-time mode as the supervisor sees it."""

from dataclasses import dataclass, field
from typing import Any

from stores.hbase.connection import HBaseStore
from stores.records.epochs import EpochRecord
from streaming.query.last_batch import finish_batches
from streaming.query.progress import Progress, positions
from streaming.real_time.real_time_query import RealTimeQuery

RECORD = EpochRecord(
    epoch=1,
    topic="tiny.events",
    topic_id="a",
    partitions=2,
    first_offsets={0: 0, 1: 0},
    begun_at="2026-11-30T00:00:00.000Z",
    reason="first start",
)
# Nothing listens there.
NOWHERE = HBaseStore(host="127.0.0.1", port=9, timeout_seconds=0.1)


@dataclass
class Spark:
    """A session whose JVM has tasks that end one look after the other, and no progress to show."""

    tasks: int = 0
    ready: int = 0
    looks: int = 0
    stopped: bool = False
    name: str = "scoring-tiny"
    isActive: bool = True
    sparkContext: Any = field(init=False)

    def __post_init__(self) -> None:
        self.sparkContext = self
        self._jvm = self.everscore = self.FrameBridge = self

    def runningTasks(self) -> int:
        assert self.stopped
        self.tasks -= 1
        return self.tasks + 1

    def readyTasks(self) -> int:
        """One more at every look, until the query ends at the fifth."""
        self.looks += 1
        self.isActive = self.looks < 5
        return min(self.looks - 1, self.ready)

    def stop(self) -> None:
        self.stopped = True


def query(spark: Spark) -> RealTimeQuery:
    return RealTimeQuery(spark, spark, NOWHERE, "tiny", RECORD)


def test_a_stop_waits_for_the_frames_and_not_for_the_batch_of_an_hour() -> None:
    spark, lines = Spark(tasks=3), []  # type: ignore[var-annotated]
    running = query(spark)
    finish_batches([running], seconds=60.0, log=lines.append)
    running.stop()
    assert lines == []
    assert spark.tasks == -1


def test_without_the_store_the_progress_is_what_was_known() -> None:
    running = query(Spark())
    assert positions(running) == {}
    running._reached = {0: 5, 1: 7}
    assert positions(running) == {("tiny.events", 0): 5, ("tiny.events", 1): 7}
    progress = Progress()
    assert progress.has_grown([running])
    assert not progress.has_grown([running])


def test_a_start_waits_for_all_workers_and_for_no_query_that_has_ended() -> None:
    spark = Spark(ready=2)
    query(spark).wait_until_ready(seconds=60.0)
    assert spark.looks == 3
    failing = Spark(ready=1)
    query(failing).wait_until_ready(seconds=60.0)
    assert failing.looks == 5
