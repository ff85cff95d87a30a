"""What the seconds from a job's command to its first work went into."""

import os
import time
from dataclasses import dataclass, field
from pathlib import Path

_STAT, _UPTIME = Path("/proc/self/stat"), Path("/proc/uptime")
_START_FIELD = 19  # of those behind the name in brackets: clock ticks after the machine's start


@dataclass
class StartClock:
    """Steps of a start, each with the seconds since the one before it."""

    _before: float = field(default_factory=lambda: time.monotonic() - _process_age_seconds())
    _steps: dict[str, float] = field(default_factory=dict)

    def note(self, step: str) -> None:
        """`step` has just ended."""
        now = time.monotonic()
        self._steps[step] = self._steps.get(step, 0.0) + now - self._before
        self._before = now

    def sentence(self) -> str:
        """`9.2 s: imports 2.1, services 0.4, …`."""
        steps = ", ".join(f"{step} {seconds:.1f}" for step, seconds in self._steps.items())
        return f"{sum(self._steps.values()):.1f} s: {steps}"


def _process_age_seconds() -> float:
    """Seconds since the process was started; 0 where the system does not say."""
    try:
        fields = _STAT.read_text().rpartition(")")[2].split()
        uptime = float(_UPTIME.read_text().split()[0])
        return max(0.0, uptime - int(fields[_START_FIELD]) / os.sysconf("SC_CLK_TCK"))
    except (OSError, ValueError, IndexError):
        return 0.0
