"""SIGKILL at random moments under load: afterwards everything is as if nothing had happened."""

import os
import random
import time
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager

from tests.support.judgement import check_conservation, check_equals_undisturbed, drained
from tests.support.lane import START_SECONDS, Lane
from tests.support.processes import Job, wait_until
from tests.support.tiny_load import TinyLoad

KILLS = int(os.environ.get("EVERSCORE_FAULT_KILLS", "3"))
SEED = int(os.environ.get("EVERSCORE_FAULT_SEED", "7"))
PER_SECOND = 400
MACHINES = 3_000
LONGEST_CALM_SECONDS = 4.0
# Spark's own small cluster: the executor is a JVM of its own.
LOCAL_CLUSTER = ('spark.conf={"spark.master": "local-cluster[1,2,1024]"}',)


def test_kills_of_worker_jvm_and_driver_leave_no_trace(
    lanes: Callable[[], AbstractContextManager[Lane]],
) -> None:
    with lanes() as lane:
        endure(lane, victims(("worker", "jvm", "driver"), KILLS))


def victims(kinds: Sequence[str], kills: int) -> list[str]:
    """Whom to kill, each kind about as often, in a seeded order."""
    chosen = [kinds[number % len(kinds)] for number in range(kills)]
    random.Random(SEED).shuffle(chosen)
    return chosen


def endure(lane: Lane, chosen: Sequence[str], *, settings: Sequence[str] = ()) -> None:
    """Kill `chosen` one after the other under load, then compare with an undisturbed replay."""
    random_ = random.Random(SEED)
    job = lane.start_scoring(settings=settings)
    with TinyLoad(lane.servers, per_second=PER_SECOND, machines=MACHINES, seed=SEED) as load:
        for victim in chosen:
            wait_for_progress(lane, job)
            time.sleep(random_.uniform(0.0, LONGEST_CALM_SECONDS))
            job.kill(victim)
            print(f"killed the {victim} after {load.sent} events")
            if victim in ("driver", "jvm"):
                wait_until(
                    lambda ended=job: ended.process.poll() is not None,
                    timeout=60.0,
                    what=f"end of the job after its {victim} was killed:\n{job.output()[-3000:]}",
                )
                job = lane.start_scoring(settings=settings)
        wait_for_progress(lane, job)
    told = drained(lane)
    assert job.terminate(timeout=60.0) == 143, job.output()[-3000:]
    check_conservation(lane, told)
    check_equals_undisturbed(lane, told, seed=SEED)
    print(f"{dict(told.counts())}, {told.repeats} identical repeats")


def wait_for_progress(lane: Lane, job: Job) -> None:
    """Wait until the running job has written rows of every partition."""
    before = lane.marked()
    wait_until(
        lambda: all(at > before[p] for p, at in lane.marked().items()),
        timeout=START_SECONDS,
        what=f"progress from {before}:\n{job.output()[-3000:]}",
    )
