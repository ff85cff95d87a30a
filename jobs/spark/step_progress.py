"""A long Spark step on screen: rows, rate and remaining time, from the tasks that have ended."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from pyspark.sql import SparkSession
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeRemainingColumn

_POLL_SECONDS = 0.5


@dataclass
class Step:
    """One step of a job; its work sets `rows` when it has counted them itself."""

    title: str
    rows: int = 0
    seconds: float = 0.0

    @property
    def sentence(self) -> str:
        """What was done, how long it took, how many rows a second that is."""
        rate = self.rows / self.seconds if self.seconds else 0.0
        return f"{self.title}: {self.rows:,} rows in {self.seconds:.1f} s ({rate:,.0f} rows/s)"


@contextmanager
def spark_step(
    spark: SparkSession, console: Console, title: str, *, rows: int | None = None
) -> Iterator[Step]:
    """Show the progress of all Spark jobs that the block starts; says at the end what was done.

    rows: how many are expected, None when that is not known (then tasks are counted).
    """
    group, step, began = f"step {title} {time.monotonic_ns()}", Step(title, rows or 0), time.time()
    spark.sparkContext.setJobGroup(group, title)
    ended = threading.Event()
    with _bar(console, by_rows=rows is not None) as bar:
        shown = bar.add_task(title, total=rows or 0, rate="")
        watcher = threading.Thread(
            target=_watch, args=(spark, group, bar, shown, rows, ended), daemon=True
        )
        watcher.start()
        try:
            yield step
        finally:
            ended.set()
            watcher.join(timeout=5.0)
            spark.sparkContext.setJobGroup("", "")
    step.seconds = time.time() - began
    console.print(step.sentence, markup=False, highlight=False)


def tasks_of(spark: SparkSession, group: str) -> tuple[int, int]:
    """How many tasks of the job group have ended, and how many it has so far."""
    tracker: Any = spark.sparkContext.statusTracker()
    jobs = [tracker.getJobInfo(job_id) for job_id in tracker.getJobIdsForGroup(group)]
    infos = [tracker.getStageInfo(stage) for job in jobs if job for stage in job.stageIds]
    stages = [stage for stage in infos if stage is not None]
    return sum(s.numCompletedTasks for s in stages), sum(s.numTasks for s in stages)


def _bar(console: Console, *, by_rows: bool) -> Progress:
    unit = "rows" if by_rows else "tasks"
    return Progress(
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        TextColumn(f"{{task.completed:,.0f}} of {{task.total:,.0f}} {unit}"),
        TextColumn("{task.fields[rate]}"),
        TimeRemainingColumn(),
        console=console,
        transient=True,
        disable=not console.is_terminal,
    )


def _watch(
    spark: SparkSession,
    group: str,
    bar: Progress,
    shown: TaskID,
    rows: int | None,
    ended: threading.Event,
) -> None:
    began = time.monotonic()
    while not ended.wait(_POLL_SECONDS):
        try:
            done, tasks = tasks_of(spark, group)
        except Exception:  # the step itself reports a JVM that has ended
            return
        total = rows if rows is not None else tasks
        completed = total * done / tasks if tasks else 0.0
        rate = f"{completed / (time.monotonic() - began):,.0f}/s"
        bar.update(shown, total=total, completed=completed, rate=rate)
