"""Waits until HBase has flushed and compacted what was loaded into it."""

import time
from collections.abc import Sequence

import psutil

# Of one core; at rest HBase uses about two hundredths.
_QUIET_SHARE = 0.15
_LOOK_SECONDS = 3.0
_QUIET_LOOKS = 2
_PATIENCE_SECONDS = 300.0


def wait_until_quiet(pids: Sequence[int]) -> bool:
    """Return when the processes have used little CPU for six seconds; False when they do not."""
    processes = [psutil.Process(pid) for pid in pids]
    deadline = time.monotonic() + _PATIENCE_SECONDS
    quiet = 0
    while quiet < _QUIET_LOOKS:
        if time.monotonic() > deadline:
            return False
        for process in processes:
            process.cpu_percent()
        time.sleep(_LOOK_SECONDS)
        share = sum(process.cpu_percent() for process in processes) / 100.0
        quiet = quiet + 1 if share < _QUIET_SHARE else 0
    return True
