"""Catch up, wait, catch up again; a service that is away is waited for."""

import time
from collections.abc import Callable
from typing import Protocol

from py4j.protocol import Py4JNetworkError

_LONGEST_PAUSE_SECONDS = 60.0
_SERVICE_AWAY = 3  # the exit code of errors that say a service does not answer


class CatchesUp(Protocol):
    """What the loop needs of an archiver."""

    def catch_up(self) -> int:
        """Archive what is there; returns how many records that was."""

    def forget_positions(self) -> None:
        """Read from the tables again how far they reach."""


def archive_for_ever(
    archiver: CatchesUp,
    *,
    interval_seconds: float,
    faults_in_a_row: int,
    log: Callable[[str], None],
    sleep: Callable[[float], None] = time.sleep,
) -> None:
    """Archive every `interval_seconds`; ends by an exception only.

    After a fault it tries again with growing pauses, up to `faults_in_a_row` times: Kafka may have
    gone away during a read, which Spark reports as an error of its own. Refusals, which declare an
    exit code of their own, and the end of Spark's JVM are raised at once. The tables say where the
    next attempt, or the next start, goes on; what Kafka has dropped by then is an `ArchiveGap`.
    """
    faults = 0
    while True:
        began = time.monotonic()
        try:
            archiver.catch_up()
            faults = 0
        except Exception as error:
            faults += 1
            is_refusal = getattr(error, "exit_code", _SERVICE_AWAY) != _SERVICE_AWAY
            is_jvm_gone = isinstance(error, Py4JNetworkError | ConnectionRefusedError)
            if is_refusal or is_jvm_gone or faults > faults_in_a_row:
                raise
            archiver.forget_positions()
            fault = f"{type(error).__name__}: {error}".splitlines()[0][:300]
            log(f"{fault}; attempt {faults + 1} goes on where the tables end")
        longest = max(interval_seconds, _LONGEST_PAUSE_SECONDS)
        pause = min(interval_seconds * 2**faults, longest)
        sleep(max(0.0, began + pause - time.monotonic()))
