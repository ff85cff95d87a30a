"""The feed as a process of its own beside a system under load."""

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

from bench.programs import started_program
from bench.suite.systems.ground import Ground
from jobs.launcher.child_jobs import ChildJob


@contextmanager
def feeding(
    ground: Ground, *, keys: str, events_per_second: float, seconds: float, seed: int
) -> Iterator[ChildJob]:
    """Publish while the block runs, for `seconds` at most; stopped at the block's end."""
    arguments = {
        "bootstrap-servers": ground.stage.kafka.bootstrap_servers,
        "workload": ground.workload.name,
        "keys": keys,
        "rate": events_per_second,
        "seconds": seconds,
        "seed": seed,
    }
    command = [sys.executable, "-m", "bench.suite.load.feed"]
    command += [f"--{name}={value}" for name, value in arguments.items()]
    job = started_program("feed", command, log=ground.stage.log("feed"), ready="feeding")
    try:
        yield job
    finally:
        job.stop()


def wait_for_end(feed: ChildJob, running: ChildJob) -> None:
    """Return when `feed` has sent everything; raises `ChildFailed` when it or `running` fails."""
    while feed.process.poll() is None:
        running.check()
        time.sleep(0.1)
    feed.check()
