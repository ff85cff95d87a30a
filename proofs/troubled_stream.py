"""A stream in trouble: late and repeated events, crashes in the middle, other batch sizes."""

import time
from dataclasses import dataclass

from jobs.launcher.child_jobs import ChildJob
from proofs.stage import Stage
from reports.steps import timed_step

_DISORDER, _DUPLICATES, _BAD = 0.2, 0.05, 0.01


@dataclass(frozen=True, kw_only=True)
class Trouble:
    """How many follow-up events, how many a second, and the Arrow batch sizes of the two runs."""

    events: int
    rate: float
    batch_rows: tuple[int, int] = (500, 4_000)


def stream_through_trouble(stage: Stage, trouble: Trouble) -> None:
    """Score history and follow-ups over a SIGKILL, a SIGTERM and two batch sizes; then archive.

    The archive is filled in two goes, the first of them while the stream runs.
    """
    console = stage.console
    with timed_step("streaming the first half, killed in the middle", console):
        first = _started(stage, trouble.batch_rows[0], "1")
        half = _publisher(stage, trouble, seed=1)
        time.sleep(0.6 * trouble.events / 2 / trouble.rate)
        first.kill()
        half.finish()
    with timed_step("streaming the second half with other batches, archiving meanwhile", console):
        second = _started(stage, trouble.batch_rows[1], "2")
        half = _publisher(stage, trouble, seed=2)
        stage.run("archive_stream", "--once")
        half.finish()
        stage.wait_until_scored(second)
        second.stop()
    with timed_step("starting once more: nothing may change", console):
        third = _started(stage, trouble.batch_rows[0], "3")
        stage.wait_until_scored(third)
        third.stop()
    with timed_step("archiving", console):
        stage.run("archive_stream", "--once")


def _started(stage: Stage, batch_rows: int, run: str) -> ChildJob:
    return stage.start_scoring(run, "--set", f"stream.batch_rows={batch_rows}")


def _publisher(stage: Stage, trouble: Trouble, *, seed: int) -> ChildJob:
    return stage.start(
        "publish_events",
        "--no-history",
        f"--rate={trouble.rate}",
        f"--duration={trouble.events / 2 / trouble.rate}",
        f"--disorder={_DISORDER}",
        f"--duplicates={_DUPLICATES}",
        f"--bad-share={_BAD}",
        f"--seed={seed}",
        log_name=f"publish_events-{seed}",
    )
