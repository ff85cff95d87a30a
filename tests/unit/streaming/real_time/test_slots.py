"""A partition that no task reads is logged, for Spark waits without a word."""

from dataclasses import dataclass, field
from typing import Any

from streaming.real_time.slots import SlotWatch


@dataclass
class Stage:
    numTasks: int
    numActiveTasks: int
    numCompletedTasks: int = 0


@dataclass
class Spark:
    """A session whose tracker shows one stage."""

    stage: Stage | None = None
    sparkContext: Any = field(init=False)

    def __post_init__(self) -> None:
        self.sparkContext = self

    def statusTracker(self) -> "Spark":
        return self

    def getActiveStageIds(self) -> list[int]:
        return [3]

    def getStageInfo(self, stage: int) -> Stage | None:
        return self.stage


def test_a_partition_without_a_slot_is_logged_once_a_minute() -> None:
    lines: list[str] = []
    now = [0.0]
    watch = SlotWatch(Spark(Stage(numTasks=3, numActiveTasks=1)), lines.append, lambda: now[0])
    for second in range(0, 100, 5):
        now[0] = float(second)
        watch.check()
    assert len(lines) == 2
    assert lines[0].startswith("2 of 3 partitions are not read")
    assert "--set stream.mode=micro-batch" in lines[0]


def test_tasks_that_run_or_have_ended_are_not_waiting() -> None:
    lines: list[str] = []
    now = [0.0]
    spark = Spark(Stage(numTasks=3, numActiveTasks=2, numCompletedTasks=1))
    watch = SlotWatch(spark, lines.append, lambda: now[0])
    for stage in (spark.stage, None, Stage(numTasks=1, numActiveTasks=0), spark.stage):
        spark.stage = stage
        now[0] += 25.0
        watch.check()
    assert lines == []
