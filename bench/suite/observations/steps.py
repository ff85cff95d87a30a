"""Progress in steps of each partition: which rows show it, and what rate the times amount to."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

STEPS = 40
_PICKS = 3
# Until then everyone warms up: a JVM compiles what is busy in the first ten seconds or so.
_WARM_SHARES = (0.4, 0.6)
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
    """The measured part of a run: from when about half of what it did was done, to its end."""

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
    steps_by_partition = {}
    for partition, partition_customers in customers.items():
        if len(partition_customers) < steps:
            raise TooFewEvents(
                f"partition {partition} has {len(partition_customers)} events, "
                f"expected {steps} or more: ask for more --events"
            )
        ends = [len(partition_customers) * number // steps for number in range(steps + 1)]
        steps_by_partition[partition] = [
            Step(
                partition=partition,
                number=number,
                events=ends[number] - ends[number - 1],
                picks=_last_picks(partition_customers, begin=ends[number - 1], end=ends[number]),
            )
            for number in range(1, steps + 1)
        ]
    return steps_by_partition


def _last_picks(customers: npt.NDArray[np.int64], *, begin: int, end: int) -> Mapping[str, int]:
    picks: dict[str, int] = {}
    for offset in range(end - 1, begin - 1, -1):
        picks.setdefault(str(customers[offset]), offset)
        if len(picks) == _PICKS:
            break
    return picks


def window_of(marks: Sequence[Mark]) -> Window:
    """The window of a run, whether all steps were done or its time was over before.

    A system may read one partition after the other, so the steps of all of them count together.
    The window begins when 0.4 to 0.6 of the events that were done are done, at the end of the
    longest run of work in there: before the longest pause between two steps. A system that writes
    large batches shows many steps at once; begun among them, its window would count events whose
    work was done before. Raises `TooFewEvents` when fewer than four steps were done.
    """
    if len(marks) < _LEAST_MARKS:
        raise TooFewEvents(
            f"{len(marks)} steps of a partition were done, expected {_LEAST_MARKS} or more: ask "
            "for fewer --events"
        )
    in_order = sorted(marks, key=lambda mark: mark.at_seconds)
    done = np.cumsum([mark.events for mark in in_order])
    at_seconds = np.array([mark.at_seconds for mark in in_order])
    begin = _before_longest_pause(at_seconds, done / done[-1])
    # Nothing is quicker than the observer looks: a load that small has no rate.
    if at_seconds[-1] <= at_seconds[begin]:
        raise TooFewEvents(
            f"all {done[-1]:,} events were done at once; expected a load that takes seconds: "
            "ask for more --events"
        )
    return Window(
        begin_seconds=float(at_seconds[begin]),
        end_seconds=float(at_seconds[-1]),
        events=int(done[-1] - done[begin]),
    )


def _before_longest_pause(
    at_seconds: npt.NDArray[np.float64], shares: npt.NDArray[np.float64]
) -> int:
    first, last = (int(np.searchsorted(shares, share)) for share in _WARM_SHARES)
    last = min(max(last, first + 1), len(shares) - 1)
    return first + int(np.argmax(np.diff(at_seconds[first : last + 1])))
