"""Wait until a service answers a real call, and give up at once when its process dies."""

import socket
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from local.errors import ProcessFailed
from local.servers.processes import ProcessRecord, is_alive, last_lines


@dataclass(frozen=True)
class Watched:
    """A process that must stay alive while we wait."""

    name: str
    record: ProcessRecord
    log: Path


def listens(host: str, port: int) -> bool:
    """Whether anything listens there: a cheap look before a client library is asked."""
    try:
        with socket.create_connection((host, port), timeout=1.0):
            return True
    except OSError:
        return False


def wait_until_answers(
    answers: Callable[[], bool],
    *,
    watched: Sequence[Watched],
    timeout_seconds: float,
    cancelled: threading.Event,
) -> None:
    """Return when `answers()` is true; raises ProcessFailed on a death or after the timeout.

    Returns early, without an answer, when `cancelled` is set: another service has failed.
    """
    deadline = time.monotonic() + timeout_seconds
    while not cancelled.is_set():
        for process in watched:
            if not is_alive(process.record):
                raise ProcessFailed(_report(process, "died while starting"))
        if answers():
            return
        if time.monotonic() > deadline:
            reason = f"did not answer within {timeout_seconds:.0f} s (stop it and retry)"
            raise ProcessFailed("\n".join(_report(process, reason) for process in watched))
        cancelled.wait(0.1)


def _report(process: Watched, reason: str) -> str:
    lines = [f"  {line}" for line in last_lines(process.log)] or ["  (it wrote nothing)"]
    head = f"{process.name} (pid {process.record.pid}) {reason}; the last lines of {process.log}:"
    return "\n".join([head, *lines])
