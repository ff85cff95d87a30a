"""The load that a system is measured under."""

from dataclasses import dataclass

# Load goes on after the measured time, so that its last events meet a busy system, too.
_TAIL_SECONDS = 2.0


@dataclass(frozen=True, kw_only=True)
class Load:
    """Follow-up events per second, how long they warm a system up, how long they are measured."""

    events_per_second: float
    warm_up_seconds: float
    seconds: float

    @property
    def duration_seconds(self) -> float:
        """How long the load runs altogether."""
        return self.warm_up_seconds + self.seconds + _TAIL_SECONDS
