"""Whether every partition has a task slot: Spark itself waits for one without a word."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

_PATIENCE_SECONDS = 30.0
_REPEAT_SECONDS = 60.0


@dataclass
class SlotWatch:
    """Logs when a partition of a query in real-time mode is not read for want of a task slot.

    A batch of real-time mode ends after an hour, so the task that waits for a slot would wait as
    long; the other partitions go on. It begins by itself as soon as there is one.
    """

    spark: Any
    log: Callable[[str], None]
    clock: Callable[[], float] = time.monotonic
    _waiting_since: float | None = None
    _logged_at: float | None = None

    def check(self) -> None:
        """Log it once a minute; called every few seconds."""
        running, tasks = self._tasks()
        now = self.clock()
        if running >= tasks:
            self._waiting_since = self._logged_at = None
            return
        if self._waiting_since is None:
            self._waiting_since = now
        waited = now - self._waiting_since
        is_due = self._logged_at is None or now - self._logged_at >= _REPEAT_SECONDS
        if waited >= _PATIENCE_SECONDS and is_due:
            self._logged_at = now
            self.log(
                f"{tasks - running} of {tasks} partitions are not read: in real-time mode each "
                f"holds a task slot, and Spark has given {running} for {waited:.0f} s; give it "
                "more executors or cores, or start again with --set stream.mode=micro-batch"
            )

    def _tasks(self) -> tuple[int, int]:
        """How many tasks of the current batch run, and how many it has."""
        tracker = self.spark.sparkContext.statusTracker()
        stages = [tracker.getStageInfo(stage) for stage in tracker.getActiveStageIds()]
        known = [stage for stage in stages if stage is not None]
        tasks = sum(stage.numTasks - stage.numCompletedTasks for stage in known)
        return sum(stage.numActiveTasks for stage in known), tasks
