"""Keeps the query running: restarts after faults, rewinds when the store lost writes, refuses."""

import threading
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, field
from typing import Any, Protocol

from reports.terminal import message_of
from stores.kafka.errors import KafkaDown, TopicMissing
from streaming.position.refusals import EpochChanged, Refused, StoreBehind, refusal_in
from streaming.query.last_batch import finish_batches
from streaming.query.outages import Watcher
from streaming.query.progress import Place, Progress
from streaming.query.spark_jvm import SparkGone

Log = Callable[[str], None]

_REFUSED = 4  # the exit code of errors that waiting does not resolve


class Running(Protocol):
    """A started query with all that belongs to it."""

    @property
    def query(self) -> Any:
        """Spark's streaming query."""

    @property
    def queries(self) -> Sequence[Any]:
        """Spark's streaming queries, one by one."""

    def reached(self) -> Mapping[Place, int]:
        """(topic, partition) → offset up to which batches are finished."""

    def check(self) -> None:
        """Raise `Refused` when running on would be wrong; called every few seconds."""

    def stop(self) -> None:
        """Stop the query and what belongs to it."""


class GaveUp(RuntimeError):
    """Too many restarts in a row without a new batch between them; names the last fault."""

    exit_code = 1


@dataclass(frozen=True, kw_only=True)
class Patience:
    """How restarts are paced: seconds before the first, the longest pause, how many in a row.

    check_seconds    between two checks whether the query may run on
    finish_seconds   that the current batch may take to end when a signal stops the job; less than
                     the 30 s after which Kubernetes kills
    """

    backoff_seconds: float
    backoff_limit_seconds: float
    restarts_in_a_row: int
    check_seconds: float = 5.0
    finish_seconds: float = 20.0


@dataclass
class Supervisor:
    """Runs a query until `stop` is set.

    `start` connects to the services and starts the query, at the right offsets; after any fault
    that is not a refusal, what still runs is stopped and `start` called again. Restarts are counted
    while nothing new was read between them: a permanent fault ends the job, an occasional one does
    not.
    """

    start: Callable[[], Running]
    stop: threading.Event
    patience: Patience
    log: Log
    watcher: Watcher | None = None
    _progress: Progress = field(default_factory=Progress)
    _has_progressed: bool = False
    _running: Running | None = None

    def run(self) -> None:
        """Return when stopped; raises `Refused` (do not restart), `GaveUp` or `SparkGone`.

        Any other error that declares exit code 4 is a refusal, too, and raised at once. The
        watcher, if there is one, logs when a service goes away and when it is back.
        """
        watching = self.watcher.watching(self._reached) if self.watcher else nullcontext()
        with watching:
            self._run_until_stopped()

    def _run_until_stopped(self) -> None:
        restarts = 0
        while not self.stop.is_set():
            began, self._has_progressed = time.monotonic(), False
            try:
                self._run_once()
                return
            except Refused as refusal:
                if not isinstance(refusal, StoreBehind):
                    raise refusal.for_people() from None
                fault = refusal.message
            except Exception as error:
                fault = self._fault(error)
            steady = time.monotonic() - began > 10 * self.patience.backoff_limit_seconds
            restarts = 1 if steady or self._has_progressed else restarts + 1
            self._pause(restarts, fault)

    def _run_once(self) -> None:
        running = self._running = self.start()
        try:
            while not self.stop.is_set():
                self._wait(running)
        except SystemExit:  # a signal, raised by its handler; a second one ends the waiting
            finish_batches(running.queries, seconds=self.patience.finish_seconds, log=self.log)
            raise
        except Exception:
            self._has_progressed = self._progress.has_grown(_failed(running.queries))
            raise
        finally:
            self._end(running)

    def _end(self, running: Running) -> None:
        """Stop what runs; a failure to do so never hides why it was stopped."""
        try:
            running.stop()
        except Exception as error:
            if "TimeoutException" in message_of(error):
                self.log("Spark's query did not stop in time: it ends with the job")

    def _wait(self, running: Running) -> None:
        deadline = time.monotonic() + self.patience.check_seconds
        while time.monotonic() < deadline:
            if self.stop.wait(0.2):
                return
            if not running.query.isActive:
                failure = running.query.exception()
                raise RuntimeError(str(failure) if failure else "the query ended by itself")
        try:
            running.check()
        except (KafkaDown, TopicMissing) as error:
            if isinstance(error, TopicMissing):
                raise EpochChanged(f"{error}; its epoch has ended") from error
            if self.watcher is None:
                self.log(str(error))

    def _reached(self) -> Mapping[Place, int]:
        return self._running.reached() if self._running else {}

    def _fault(self, error: Exception) -> str:
        message = message_of(error)
        refusal = refusal_in(message)
        if refusal is not None and not isinstance(refusal, StoreBehind):
            raise refusal.for_people() from None
        if isinstance(error, SparkGone) or getattr(error, "exit_code", None) == _REFUSED:
            raise error
        return refusal.message if refusal else _cause(message)

    def _pause(self, restarts: int, fault: str) -> None:
        if restarts > self.patience.restarts_in_a_row:
            raise GaveUp(f"gave up after {restarts - 1} restarts in a row; last fault: {fault}")
        longest = self.patience.backoff_limit_seconds
        seconds = min(self.patience.backoff_seconds * 2 ** (restarts - 1), longest)
        what = f"restart {restarts} in {seconds:.0f} s repeats the last batch"
        self.log(f"{fault.rstrip(' ;.')}; {what}")
        self.stop.wait(seconds)


def _failed(queries: Sequence[Any]) -> Sequence[Any]:
    """Those that have ended; all when none has, because the fault was elsewhere then."""
    return [query for query in queries if not query.isActive] or queries


def _cause(text: str) -> str:
    """The line of a Spark failure that names the cause, for a log line."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    causes = [line for line in lines if line.startswith("Caused by:") or "Error:" in line]
    cause = (causes or lines or ["unknown fault"])[-1 if causes else 0]
    return cause[:300]
