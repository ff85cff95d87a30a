"""Progress in steps of each partition: which rows show it, and what rate the times amount to."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

STEPS = 40
_PICKS = 3
# Until then everyone warms up: a JVM compiles what is busy in the first ten seconds or so.
_WARM_SHARE = 0.5
_LEAST_MARKS = 4


class TooFewEvents(ValueError):
    """A load is too small to be cut into steps."""

    exit_code = 2


@dataclass(frozen=True, kw_only=True)
class Step:
    """One step of a partition: done when the row of each picked customer shows its offset.

    picks: customer → the offset that its row must show, or a later one; they are the step's last
    events of distinct customers. events: how many the step has.
    """

    partition: int
    number: int
    events: int
    picks: Mapping[str, int]


@dataclass(frozen=True, kw_only=True)
class Mark:
    """A step of a partition was seen to be done at `at_seconds` (monotonic clock)."""

    partition: int
    number: int
    events: int
    at_seconds: float


@dataclass(frozen=True, kw_only=True)
class Window:
    """The measured part of a run: from when half of what it did was done, to the end of that."""

    begin_seconds: float
    end_seconds: float
    events: int

    @property
    def events_per_second(self) -> float:
        """The rate in the window."""
        return self.events / (self.end_seconds - self.begin_seconds)


def steps_of(
    customers: Mapping[int, npt.NDArray[np.int64]], *, steps: int = STEPS
) -> Mapping[int, Sequence[Step]]:
    """Partition → its steps, in order.

    customers: partition → the customer of each offset from 0, int64. Raises `TooFewEvents` when a
    partition has fewer events than steps.
    """
    found = {}
    for partition, own in customers.items():
        if len(own) < steps:
            raise TooFewEvents(
                f"partition {partition} has {len(own)} events, expected {steps} or more: "
                "ask for more --events"
            )
        ends = [len(own) * number // steps for number in range(steps + 1)]
        found[partition] = [
            Step(
                partition=partition,
                number=number,
                events=ends[number] - ends[number - 1],
                picks=_last_picks(own, begin=ends[number - 1], end=ends[number]),
            )
            for number in range(1, steps + 1)
        ]
    return found


def _last_picks(customers: npt.NDArray[np.int64], *, begin: int, end: int) -> Mapping[str, int]:
    picks: dict[str, int] = {}
    for offset in range(end - 1, begin - 1, -1):
        picks.setdefault(str(customers[offset]), offset)
        if len(picks) == _PICKS:
            break
    return picks


def window_of(marks: Sequence[Mark]) -> Window:
    """The window of a run, whether all steps were done or its time was over before.

    A system may read one partition after the other, so the steps of all of them count together:
    the window begins when half of the events that were done is done, wherever they are. Raises
    `TooFewEvents` when fewer than four steps were done.
    """
    if len(marks) < _LEAST_MARKS:
        raise TooFewEvents(
            f"{len(marks)} steps of a partition were done, expected {_LEAST_MARKS} or more: ask "
            "for fewer --events"
        )
    in_order = sorted(marks, key=lambda mark: mark.at_seconds)
    total = sum(mark.events for mark in in_order)
    done = 0
    for mark in in_order:
        done += mark.events
        if done >= _WARM_SHARE * total:
            break
    end = in_order[-1].at_seconds
    # Nothing is quicker than the observer looks: a load that small has no rate.
    if end <= mark.at_seconds:
        raise TooFewEvents(
            f"all {total:,} events were done at once; expected a load that takes seconds: "
            "ask for more --events"
        )
    return Window(begin_seconds=mark.at_seconds, end_seconds=end, events=total - done)
