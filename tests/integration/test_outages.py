"""Kafka, HBase or its gateway down: a running stream waits and loses nothing, a start says so."""

import os
import re
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path

import pytest

from local.servers.platform import start_one, stop_one
from tests.support.judgement import (
    check_conservation,
    check_equals_undisturbed,
    drained,
    wait_for_progress,
)
from tests.support.lane import Lane
from tests.support.processes import Job, wait_until
from tests.support.tiny_load import TinyLoad

OUTAGE_SECONDS = float(os.environ.get("EVERSCORE_OUTAGE_SECONDS", "15"))
REFUSED_WITHIN_SECONDS = 30.0
LINES_WITHIN_SECONDS = 30.0
SEED = 11


@pytest.fixture(scope="module")
def lane(lanes: Callable[[], AbstractContextManager[Lane]]) -> Iterator[Lane]:
    """A lane whose stream runs for all tests of this file, in order."""
    with lanes() as opened:
        opened.start_scoring(own_java=True)  # what Java prints is counted, too
        yield opened


@pytest.mark.parametrize("service", ["thrift", "kafka", "hbase"])
def test_an_outage_stops_a_start_at_once_and_a_running_stream_only_for_its_time(
    lane: Lane, run_dir: Path, service: str
) -> None:
    (running,) = [job for job in lane.jobs if job.process.poll() is None]
    start = len(running.output())
    with TinyLoad(lane.servers, per_second=300, machines=2_000, seed=SEED):
        wait_for_progress(lane)
        assert stop_one(run_dir, service, kill=True)
        away_since = time.monotonic()
        try:
            refused = lane.start()
            code = refused.process.wait(REFUSED_WITHIN_SECONDS)
            time.sleep(max(0.0, away_since + OUTAGE_SECONDS - time.monotonic()))
        finally:
            start_one(run_dir, service, die_with_parent=True)
        wait_for_progress(lane)
        check_lines(running, start, name=name_in_log(lane, service))
    assert code == 3, refused.output()
    (line,) = re.findall(r"^error: .*$", refused.output(), flags=re.MULTILINE)
    assert address_of(lane, service) in line
    assert running.process.poll() is None, running.output()[-4000:]
    messages = drained(lane)
    assert messages.contradictions() == {}


def test_a_stop_in_an_outage_ends_and_everything_equals_an_undisturbed_replay(
    lane: Lane, run_dir: Path
) -> None:
    (running,) = [job for job in lane.jobs if job.process.poll() is None]
    messages, start = drained(lane), len(running.output())
    assert stop_one(run_dir, "kafka", kill=True)
    try:
        wait_until(
            lambda: "has not answered since" in running.output()[start:],
            timeout=LINES_WITHIN_SECONDS,
            what="the line that Kafka is away",
        )
        # Spark waits minutes for a query that waits for Kafka; who stops it does not.
        assert running.terminate(timeout=45.0) == 143, running.output()[-4000:]
    finally:
        start_one(run_dir, "kafka", die_with_parent=True)
    check_conservation(lane, messages)
    check_equals_undisturbed(lane, messages, seed=SEED)


def address_of(lane: Lane, service: str) -> str:
    """The host and port to check; HBase is reached through its gateway."""
    if service == "kafka":
        return lane.servers
    return f"{lane.endpoints.hbase_thrift_host}:{lane.endpoints.hbase_thrift_port}"


def name_in_log(lane: Lane, service: str) -> str:
    """What the stream's log calls the service."""
    address = address_of(lane, service)
    names = {
        "kafka": f"Kafka {address}",
        "thrift": f"HBase's Thrift gateway {address}",
        "hbase": f"HBase behind its Thrift gateway {address}",
    }
    return names[service]


def check_lines(job: Job, start: int, *, name: str) -> None:
    """The log has a line for the outage and one for its end, after its first `start` characters."""
    away = rf"^(\S+Z) {re.escape(name)} has not answered since (\S+Z) \(.+\): \w.*$"
    back = rf"^\S+Z {re.escape(name)} answers again, (\d+) s after (\S+Z); [\d,]+ events wait$"

    def matches(pattern: str) -> list[tuple[str, ...]]:
        return re.findall(pattern, job.output()[start:], flags=re.MULTILINE)

    wait_until(
        lambda: bool(matches(back)),
        timeout=LINES_WITHIN_SECONDS,
        what=f"the line that {name} is back:\n{job.output()[start:]}",
    )
    ((logged_at, since),) = matches(away)
    ((seconds, since_again),) = matches(back)
    assert since_again == since < logged_at
    assert int(seconds) >= OUTAGE_SECONDS / 2
