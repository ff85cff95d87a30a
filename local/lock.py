"""A lock on a file, so that two commands at the same time do not harm one another."""

import fcntl
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from local.errors import PlatformBusy


@contextmanager
def file_lock(
    path: Path, *, timeout_seconds: float, on_wait: Callable[[], None] | None = None
) -> Iterator[None]:
    """Hold the lock for the block; waits for another holder, calling `on_wait` once.

    The system frees the lock when its holder dies, so a stale lock file does not matter.
    Raises PlatformBusy after `timeout_seconds`.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    deadline = time.monotonic() + timeout_seconds
    is_announced = False
    with path.open("a") as handle:
        while not _try_lock(handle.fileno()):
            if on_wait is not None and not is_announced:
                on_wait()
                is_announced = True
            if time.monotonic() > deadline:
                raise PlatformBusy(
                    f"{path} is held by another command for over {timeout_seconds:.0f} s; "
                    "wait for it or stop it, then retry"
                )
            time.sleep(0.1)
        yield


def _try_lock(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
