"""Progress in tenths of each partition: which rows show it, and what rate the times amount to."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

TENTHS = 10
_PICKS = 3


class TooFewEvents(ValueError):
    """A load is too small to be cut into tenths."""

    exit_code = 2


@dataclass(frozen=True, kw_only=True)
class Tenth:
    """One tenth of a partition: done when the row of each picked customer shows its offset.

    picks: customer → the offset that its row must show, or a later one; they are the tenth's last
    events of distinct customers. events: how many the tenth has.
    """

    partition: int
    number: int
    events: int
    picks: Mapping[str, int]


@dataclass(frozen=True, kw_only=True)
class Mark:
    """A tenth of a partition was seen to be done at `at_seconds` (monotonic clock)."""

    partition: int
    number: int
    events: int
    at_seconds: float


@dataclass(frozen=True, kw_only=True)
class Window:
    """The measured part of a run: from when a tenth of all events was done, to the last of them."""

    begin_seconds: float
    end_seconds: float
    events: int

    @property
    def events_per_second(self) -> float:
        """The rate in the window."""
        return self.events / (self.end_seconds - self.begin_seconds)


def tenths_of(customers: Mapping[int, npt.NDArray[np.int64]]) -> Mapping[int, Sequence[Tenth]]:
    """Partition → its ten tenths, in order.

    customers: partition → the customer of each offset from 0, int64. Raises `TooFewEvents` when a
    partition has fewer than 10.
    """
    found = {}
    for partition, own in customers.items():
        if len(own) < TENTHS:
            raise TooFewEvents(
                f"partition {partition} has {len(own)} events, expected {TENTHS} or more: "
                "ask for more --events"
            )
        ends = [len(own) * number // TENTHS for number in range(TENTHS + 1)]
        found[partition] = [
            Tenth(
                partition=partition,
                number=number,
                events=ends[number] - ends[number - 1],
                picks=_last_picks(own, begin=ends[number - 1], end=ends[number]),
            )
            for number in range(1, TENTHS + 1)
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
    """The window of a run whose tenths are all done.

    A system may read one partition after the other, so the tenths of all of them count together:
    the window begins when a tenth of all events is done, wherever they are.
    """
    in_order = sorted(marks, key=lambda mark: mark.at_seconds)
    total = sum(mark.events for mark in in_order)
    done = 0
    for mark in in_order:
        done += mark.events
        if done * TENTHS >= total:
            break
    end = in_order[-1].at_seconds
    # Nothing is quicker than the observer looks: a load that small has no rate.
    if end <= mark.at_seconds:
        raise TooFewEvents(
            f"all {total:,} events were done at once; expected a load that takes seconds: "
            "ask for more --events"
        )
    return Window(begin_seconds=mark.at_seconds, end_seconds=end, events=total - done)
