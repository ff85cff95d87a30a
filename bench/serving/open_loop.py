"""Requests at a fixed rate, whatever the answers take; and as many as a few callers can get.

A latency is counted from the moment at which its request was due, not from when a caller was free
for it: a service that stops for a second delays all requests of that second (coordinated omission,
G. Tene, "How not to measure latency").
"""

import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import count

# Does request number n; returns whether the answer was as expected.
Call = Callable[[int], bool]


@dataclass
class Answers:
    """What came of the measured requests.

    latencies_seconds  from when each was due to its answer
    failed             answers that were not as expected, and connections that broke
    seconds            from the first measured request's due time to the last answer
    """

    latencies_seconds: list[float] = field(default_factory=list)
    failed: int = 0
    seconds: float = 0.0

    @property
    def per_second(self) -> float:
        """Answers per second."""
        return len(self.latencies_seconds) / self.seconds if self.seconds else 0.0


def open_loop(
    calls: Sequence[Call], *, rate: float, seconds: float, warm_up_seconds: float
) -> Answers:
    """`rate` requests a second by as many threads as `calls`, each with a connection of its own.

    Those of the first `warm_up_seconds` are not measured.
    """
    numbers, turn = count(), threading.Lock()
    total, first = int(rate * (warm_up_seconds + seconds)), int(rate * warm_up_seconds)
    began = time.perf_counter() + 0.1

    def next_number() -> int:
        with turn:
            return next(numbers)

    def work(call: Call, answers: Answers) -> None:
        while (number := next_number()) < total:
            due = began + number / rate
            if (wait := due - time.perf_counter()) > 0:
                time.sleep(wait)
            is_good = _is_good(call, number)
            if number >= first:
                answers.latencies_seconds.append(time.perf_counter() - due)
                answers.failed += not is_good

    answers = _together(calls, work)
    answers.seconds = time.perf_counter() - (began + first / rate)
    return answers


def saturated(calls: Sequence[Call], *, seconds: float, warm_up_seconds: float) -> Answers:
    """The next request as soon as the last is answered, by as many threads as `calls`."""
    numbers = count()
    first = time.perf_counter() + warm_up_seconds
    end = first + seconds

    def work(call: Call, answers: Answers) -> None:
        while (began := time.perf_counter()) < end:
            is_good = _is_good(call, next(numbers))
            if began >= first:
                answers.latencies_seconds.append(time.perf_counter() - began)
                answers.failed += not is_good

    answers = _together(calls, work)
    answers.seconds = time.perf_counter() - first
    return answers


def _is_good(call: Call, number: int) -> bool:
    try:
        return call(number)
    except (OSError, ValueError):
        return False


def _together(calls: Sequence[Call], work: Callable[[Call, Answers], None]) -> Answers:
    parts = [Answers() for _ in calls]
    threads = [threading.Thread(target=work, args=pair) for pair in zip(calls, parts, strict=True)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return Answers(
        [latency for part in parts for latency in part.latencies_seconds],
        sum(part.failed for part in parts),
    )
