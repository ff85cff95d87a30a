"""Run one loop in N processes, print `ready` once all of them consume, end them all at SIGTERM."""

import ctypes
import multiprocessing
import os
import signal
import sys
import time
from collections.abc import Callable
from multiprocessing.context import ForkProcess
from multiprocessing.synchronize import Semaphore

_PR_SET_PDEATHSIG = 1
_END_SECONDS = 15.0


class Running:
    """Whether to go on, and how to report that this process consumes."""

    def __init__(self, ready: Semaphore) -> None:
        self._ready = ready
        self._told = False
        self._stopped = False
        signal.signal(signal.SIGTERM, self._stop)
        signal.signal(signal.SIGINT, self._stop)

    def __bool__(self) -> bool:
        return not self._stopped

    def consumes(self) -> None:
        """Report, once, that this process reads from Kafka."""
        if not self._told:
            self._told = True
            self._ready.release()

    def _stop(self, number: int, frame: object) -> None:
        self._stopped = True


def run_in_processes(count: int, work: Callable[[int, Running], None]) -> int:
    """Call `work(index, running)` in `count` child processes; returns the exit code.

    Prints `ready` when every child has reported that it consumes. The first child that ends by
    itself ends the others; a killed parent takes its children with it.
    """
    context = multiprocessing.get_context("fork")
    ready = context.Semaphore(0)
    children = [context.Process(target=_child, args=(i, work, ready)) for i in range(count)]
    for child in children:
        child.start()
    stopped: list[int] = []
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda which, _: stopped.append(which))
    waited_for = count
    while not stopped and all(child.is_alive() for child in children):
        if waited_for and ready.acquire(timeout=0.1):
            waited_for -= 1
            if not waited_for:
                print("ready", flush=True)
        elif not waited_for:
            time.sleep(0.1)
    return 0 if _ended(children) and stopped else 1


def _child(index: int, work: Callable[[int, Running], None], ready: Semaphore) -> None:
    # Linux: a child that outlived a killed parent would go on writing rows.
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() == 1:
        sys.exit(1)
    work(index, Running(ready))


def _ended(children: list[ForkProcess]) -> bool:
    """Ask the children to end; whether all of them did so without an error."""
    for child in children:
        if child.is_alive():
            child.terminate()
    deadline = time.monotonic() + _END_SECONDS
    for child in children:
        child.join(max(0.0, deadline - time.monotonic()))
        if child.is_alive():
            child.kill()
            child.join()
    return all(child.exitcode == 0 for child in children)
