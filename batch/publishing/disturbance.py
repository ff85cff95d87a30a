"""What real producers do to a stream of events: some are dated late, some arrive twice."""

import heapq
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

import numpy as np

from batch.publishing.event_source import Record

# The repetition comes up to so many records later: far enough for another micro-batch at low rates.
LONGEST_GAP_RECORDS = 50


@dataclass(frozen=True)
class Disturbance:
    """How follow-ups are disturbed.

    disorder_share    share (0 to 1) of follow-ups dated in the past, by up to `disorder_seconds`
    duplicate_share   share (0 to 1) of follow-ups published twice, byte-equal
    """

    disorder_share: float = 0.0
    disorder_seconds: float = 3600.0
    duplicate_share: float = 0.0


def jittered(
    now: Callable[[], datetime], *, share: float, seconds: float, seed: int
) -> Callable[[], datetime]:
    """A clock that gives, for `share` of the calls, a time up to `seconds` before `now()`.

    Which calls and by how much depends on `seed` alone.
    """
    # The simulator draws from `seed` itself; its choices must not change with the disturbance.
    rng = np.random.default_rng([seed, 1])

    def maybe_earlier() -> datetime:
        draw, part = rng.random(2)
        return now() - timedelta(seconds=seconds * part) if draw < share else now()

    return maybe_earlier


@dataclass(frozen=True)
class WithDuplicates:
    """`records`, of which `share` come again, 1 to `LONGEST_GAP_RECORDS` records later.

    Iterating twice repeats the same ones; what is due after the last record follows it.
    """

    records: Iterable[Record]
    share: float
    seed: int

    def __iter__(self) -> Iterator[Record]:
        """The records in order, with the repetitions between them."""
        rng = np.random.default_rng([self.seed, 2])
        due: list[tuple[int, int, Record]] = []  # by record number, then by first appearance
        for number, record in enumerate(self.records):
            yield record
            if rng.random() < self.share:
                gap = int(rng.integers(1, LONGEST_GAP_RECORDS, endpoint=True))
                heapq.heappush(due, (number + gap, number, record))
            while due and due[0][0] <= number:
                yield heapq.heappop(due)[2]
        while due:
            yield heapq.heappop(due)[2]
