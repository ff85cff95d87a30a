"""Jobs that callers of the service start: one at a time, with their progress and their end.

Replays and audits need Spark, which the service never starts in its own process.
"""

import time
import uuid
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from threading import Lock
from typing import Literal, Protocol

from reports.terminal import visible
from serving.problems import without_paths

_KEPT_RUNS = 50
_SHOWN_LINES = 20
_LINE_CHARACTERS = 300
_UNEXPECTED = 1

RunState = Literal["running", "done", "failed"]


class AnotherRun(RuntimeError):
    """A job that the service started runs still; names it."""

    exit_code = 4


class Child(Protocol):
    """A started job."""

    def poll(self) -> int | None:
        """Its exit code; None while it runs."""

    def output(self) -> str:
        """What it has logged so far."""


# Starts `./spark-submit.sh ARGUMENTS` in the service's environment.
Start = Callable[[Sequence[str]], Child]


@dataclass(frozen=True, kw_only=True)
class JobRun:
    """One started job; `about` names its prediction, or what it replays."""

    id: str
    scenario: str
    job: str
    about: str
    by: str
    started_at: float
    child: Child

    @property
    def state(self) -> RunState:
        """Whether it runs, has done its work, or not."""
        code = self.child.poll()
        return "running" if code is None else "done" if code == 0 else "failed"

    @property
    def lines(self) -> list[str]:
        """The last lines of its log, without paths; of an unexpected end only that it was one."""
        if self.child.poll() == _UNEXPECTED:
            return [f"{self.job} ended unexpectedly: its log is beside the service's"]
        lines = [line for line in self.child.output().splitlines() if line.strip()]
        return [visible(without_paths(line))[:_LINE_CHARACTERS] for line in lines[-_SHOWN_LINES:]]


@dataclass
class JobRuns:
    """The jobs of one service; threads may share it."""

    start: Start
    clock: Callable[[], float] = time.time
    _runs: OrderedDict[str, JobRun] = field(default_factory=OrderedDict)
    _turn: Lock = field(default_factory=Lock, repr=False)

    def begin(
        self, job: str, scenario: str, options: Sequence[str], *, about: str, by: str
    ) -> JobRun:
        """Start `job` for `scenario`; raises `AnotherRun` while one runs."""
        with self._turn:
            running = self.running
            if running is not None:
                raise AnotherRun(
                    f"{running.job} of {running.scenario} runs still, as run {running.id}: one at "
                    "a time"
                )
            run = JobRun(
                id=uuid.uuid4().hex[:12],
                scenario=scenario,
                job=job,
                about=about,
                by=by,
                started_at=self.clock(),
                child=self.start([job, "--scenario", scenario, *options]),
            )
            self._runs[run.id] = run
            while len(self._runs) > _KEPT_RUNS:
                self._runs.popitem(last=False)
            return run

    @property
    def running(self) -> JobRun | None:
        """The one that runs, or None."""
        return next((run for run in self._runs.values() if run.state == "running"), None)

    def of(self, scenario: str, job: str | None = None) -> list[JobRun]:
        """The runs of a scenario, and of one job, the newest first."""
        return [
            run
            for run in reversed(self._runs.values())
            if run.scenario == scenario and job in (None, run.job)
        ]

    def get(self, scenario: str, run_id: str) -> JobRun | None:
        """A run by its id; None for one that is not of this scenario."""
        run = self._runs.get(run_id)
        return run if run is not None and run.scenario == scenario else None
