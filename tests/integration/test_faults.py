"""SIGKILL at random moments under load: afterwards everything is as if nothing had happened."""

import os
import random
import shutil
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from pathlib import Path

import pyspark
import pytest

from local.servers.platform import start_one, stop_one
from tests.support.judgement import (
    check_conservation,
    check_equals_undisturbed,
    drained,
    wait_for_progress,
)
from tests.support.lane import Lane
from tests.support.tiny_load import TinyLoad

KILLS = int(os.environ.get("EVERSCORE_FAULT_KILLS", "3"))
FULL_KILLS = 10
SEED = int(os.environ.get("EVERSCORE_FAULT_SEED", "7"))
PER_SECOND = 400
MACHINES = 3_000
LONGEST_CALM_SECONDS = 4.0
ENDED_WITHIN_SECONDS = 60.0
# Spark's own small cluster: its executor is a JVM of its own, on 2 cores with 1,024 MB.
SERVICES = ("kafka", "hbase", "thrift")
AWAY_SECONDS = (1.0, 6.0)
REAL_TIME = ("stream.mode=real-time",)
CLUSTER_MASTER = "local-cluster[1,2,1024]"


def test_kills_of_worker_jvm_and_driver_leave_no_trace(
    lanes: Callable[[], AbstractContextManager[Lane]],
) -> None:
    with lanes() as lane:
        endure(lane, victims(("worker", "jvm", "driver"), KILLS))


def test_kills_in_real_time_mode_leave_no_trace(
    lanes: Callable[[], AbstractContextManager[Lane]],
) -> None:
    parts = ("worker", "jvm", "kafka", "hbase", "thrift", "driver")
    with lanes() as lane:
        endure(lane, victims(parts, max(KILLS, len(parts))), settings=REAL_TIME)
        # The other mode goes on where this one ended, and this one where the other did.
        for settings in ((), REAL_TIME):
            job = lane.start_scoring(settings=settings)
            with TinyLoad(lane.servers, per_second=PER_SECOND, machines=MACHINES, seed=SEED + 1):
                wait_for_progress(lane)
            messages = drained(lane)
            assert job.terminate(timeout=60.0) == 143, job.output()[-3000:]
        check_conservation(lane, messages)
        check_equals_undisturbed(lane, messages, seed=SEED)


@pytest.mark.skipif(KILLS < FULL_KILLS, reason="a second start of Spark: in the full form only")
@pytest.mark.parametrize("mode", [(), REAL_TIME], ids=["micro-batch", "real-time"])
def test_kills_of_the_executor_leave_no_trace(
    lanes: Callable[[], AbstractContextManager[Lane]],
    own_executors: Sequence[str],
    mode: Sequence[str],
) -> None:
    settings = (*own_executors, *mode)
    with lanes() as lane:
        endure(lane, victims(("executor", "worker"), FULL_KILLS // 2), settings=settings)


@pytest.fixture
def own_executors(tmp_path: Path) -> Iterator[Sequence[str]]:
    """Settings of Spark's small cluster; it writes its executors' logs into pyspark's folder."""
    work = Path(pyspark.__file__).parent / "work"
    before = set(work.glob("app-*"))
    yield [f"spark.conf.spark.master={CLUSTER_MASTER}"]
    for new in set(work.glob("app-*")) - before:
        shutil.rmtree(new)
    if work.is_dir() and not any(work.iterdir()):
        work.rmdir()


def victims(kinds: Sequence[str], kills: int) -> list[str]:
    """The parts of a job to kill, each kind about as often, in a seeded order."""
    parts = [kinds[number % len(kinds)] for number in range(kills)]
    random.Random(SEED).shuffle(parts)
    return parts


def kill_service(lane: Lane, service: str, *, seconds: float) -> None:
    """SIGKILL a server of the platform, and start it again after `seconds`."""
    assert stop_one(lane.run_dir, service, kill=True)
    time.sleep(seconds)
    start_one(lane.run_dir, service, die_with_parent=True)


def endure(lane: Lane, parts: Sequence[str], *, settings: Sequence[str] = ()) -> None:
    """Kill `parts` one after the other under load, then compare with an undisturbed replay."""
    random_ = random.Random(SEED)
    job = lane.start_scoring(settings=settings, own_java=True)
    with TinyLoad(lane.servers, per_second=PER_SECOND, machines=MACHINES, seed=SEED) as load:
        for part in parts:
            wait_for_progress(lane)
            time.sleep(random_.uniform(0.0, LONGEST_CALM_SECONDS))
            print(f"killing the {part} after {load.sent} events")
            if part in SERVICES:
                kill_service(lane, part, seconds=random_.uniform(*AWAY_SECONDS))
                continue
            job.kill(part)
            if part in ("driver", "jvm"):
                job.process.wait(ENDED_WITHIN_SECONDS)
                if part == "jvm":
                    assert "error: Spark's JVM ended by itself" in job.output()
                job = lane.start_scoring(settings=settings, own_java=True)
        wait_for_progress(lane)
    messages = drained(lane)
    assert job.terminate(timeout=60.0) == 143, job.output()[-3000:]
    check_conservation(lane, messages)
    check_equals_undisturbed(lane, messages, seed=SEED)
    print(f"{dict(messages.counts())}, {messages.repeats} identical repeats")
