"""A stream with progress is restarted for ever, one without gives up, a refusal ends it."""

import json
import threading
from collections.abc import Sequence
from dataclasses import dataclass, field

import pytest

from streaming.position.refusals import StateUnreadable
from streaming.query.supervisor import GaveUp, Patience, Supervisor

PATIENCE = Patience(
    backoff_seconds=0.0001,
    backoff_limit_seconds=60.0,
    restarts_in_a_row=4,
    check_seconds=0.01,
)


class TableGone(RuntimeError):
    """A refusal that another layer raises."""

    exit_code = 4


@dataclass
class Query:
    """A query that has failed after reading up to `end`."""

    end: int
    name: str = "scoring-tiny"
    isActive: bool = False
    failure: str = "Caused by: java.io.IOException: broken"

    @property
    def lastProgress(self) -> dict[str, object]:
        ends = json.dumps({"tiny.events": {"0": self.end}})
        return {"sources": [{"endOffset": ends}]}

    def exception(self) -> str:
        return self.failure


@dataclass
class Running:
    """Queries that were started together."""

    queries: Sequence[Query]

    @property
    def query(self) -> Query:
        return next((query for query in self.queries if not query.isActive), self.queries[0])

    def reached(self) -> dict[tuple[str, int], int]:
        return {}

    def check(self) -> None:
        pass

    def stop(self) -> None:
        pass


@dataclass
class Runs:
    """Starts one run after the other; after the last one the supervisor is stopped."""

    runs: list[Sequence[Query]]
    stop: threading.Event = field(default_factory=threading.Event)
    lines: list[str] = field(default_factory=list)
    starts: int = 0

    def __call__(self) -> Running:
        self.starts += 1
        queries = self.runs.pop(0)
        if not self.runs:
            self.stop.set()
        return Running(queries)

    def supervise(self) -> None:
        Supervisor(self, self.stop, PATIENCE, self.lines.append).run()


def test_faults_between_which_batches_were_scored_are_not_counted_together() -> None:
    runs = Runs([[Query(end)] for end in range(100, 3_000, 100)])
    runs.supervise()
    assert runs.starts == 29
    assert all("restart 1 in" in line for line in runs.lines)


def test_a_fault_at_the_same_place_gives_up_although_each_run_repeats_batches() -> None:
    # As a poison record does: each start goes back to the checkpoint and reads up to it again.
    runs = Runs([[Query(500)] for _ in range(20)])
    with pytest.raises(GaveUp, match="gave up after 4 restarts in a row; last fault: Caused by"):
        runs.supervise()
    assert runs.starts == 5


class Stuck(Running):
    """Waits for a service that is away when a signal comes."""

    def check(self) -> None:
        raise SystemExit(143)

    def stop(self) -> None:
        raise RuntimeError("java.util.concurrent.TimeoutException: Stream Execution thread ...")


def test_a_query_that_does_not_stop_in_time_holds_up_no_signal() -> None:
    lines: list[str] = []
    running = Stuck([Query(7, isActive=True)])
    with pytest.raises(SystemExit) as end:
        Supervisor(lambda: running, threading.Event(), PATIENCE, lines.append).run()
    assert end.value.code == 143
    assert lines == ["Spark's query did not stop in time: it ends with the job"]


def test_progress_of_another_query_does_not_excuse_the_one_that_fails() -> None:
    runs = Runs(
        [
            [Query(n * 100, name="folding", isActive=True), Query(7, name="re-keying")]
            for n in range(20)
        ]
    )
    with pytest.raises(GaveUp):
        runs.supervise()


def test_a_query_that_never_read_anything_gives_up() -> None:
    class Silent(Query):
        @property
        def lastProgress(self) -> dict[str, object]:
            return {"sources": [{"endOffset": "None"}]}

    runs = Runs([[Silent(0)] for _ in range(20)])
    with pytest.raises(GaveUp):
        runs.supervise()


def test_a_refusal_ends_it_at_once_whoever_raises_it() -> None:
    def refuses() -> Running:
        raise TableGone("a table is missing: run ./spark-submit.sh prepare_scenario")

    lines: list[str] = []
    with pytest.raises(TableGone):
        Supervisor(refuses, threading.Event(), PATIENCE, lines.append).run()
    assert lines == []
    travelled = f"An exception was thrown from the worker: {StateUnreadable('unreadable: run X')}"
    runs = Runs([[Query(100, failure=travelled)], [Query(200)]])
    with pytest.raises(StateUnreadable, match="unreadable: run X"):
        runs.supervise()
    assert runs.starts == 1
