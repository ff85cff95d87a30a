"""SIGTERM and SIGINT end a job cleanly: they raise in the main thread, so `finally` blocks run."""

import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

_REPEAT_SECONDS = 1.0  # a terminal and a parent often both send the same signal


class Stopped(SystemExit):
    """A signal asked the job to stop; the exit code is 128 + its number."""


class Stop:
    """Which signal came, if any: for loops, and for handlers of errors that follow from it."""

    def __init__(self) -> None:
        self.signal_number: int | None = None
        self._last_seconds = 0.0

    @property
    def exit_code(self) -> int | None:
        """128 + the signal's number, or None while no signal came."""
        return None if self.signal_number is None else 128 + self.signal_number

    def receive(self, signal_number: int, _frame: FrameType | None) -> None:
        """The handler: raise in the main thread; repeats within a second count as one."""
        now_seconds = time.monotonic()
        if self.signal_number is not None and now_seconds - self._last_seconds < _REPEAT_SECONDS:
            return
        self.signal_number, self._last_seconds = signal_number, now_seconds
        raise Stopped(128 + signal_number)


@contextmanager
def stopping_on_signals() -> Iterator[Stop]:
    """Handle both signals inside the block; in a thread other than the main one do nothing."""
    stop = Stop()
    if threading.current_thread() is not threading.main_thread():
        yield stop
        return
    before = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}
    for number in before:
        signal.signal(number, stop.receive)
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
