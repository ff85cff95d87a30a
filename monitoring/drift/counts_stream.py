"""A change in a stream of counts, such as events per hour or dead letters per hour, by ADWIN.

Bifet and Gavalda, "Learning from time-changing data with adaptive windowing" (2007), as river
implements it. Its bound assumes independent values; counts of hours are not, and at its defaults it
may miss small changes or see some in quiet streams. So its sensitivity is derived from quiet hours,
and how often it errs on resampled ones is measured.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]

# From the most sensitive on; river's default is 0.002.
_DELTAS = (0.2, 0.05, 0.01, 0.002, 5e-4, 1e-4, 1e-5, 1e-6, 1e-8, 1e-10)
MOST_SENSITIVE = _DELTAS[0]
_BLOCK_HOURS = 24


@dataclass(frozen=True, kw_only=True)
class CountChange:
    """A change that was noticed at `index` of the stream and probably began at `begin`.

    before, after: mean counts from the last change to `begin`, and from there to `index`
    """

    index: int
    begin: int
    before: float
    after: float


@dataclass(frozen=True, kw_only=True)
class Sensitivity:
    """ADWIN's parameter, and the share of resampled quiet streams in which it sees a change."""

    delta: float
    false_alarm_rate: float


def count_changes(counts: Sequence[int], *, delta: float) -> list[CountChange]:
    """The changes in `counts`, one per hour (or another step) by rising time; none may be missing.

    Counts are taken as 2·√(c + 3/8), whose chance variation does not grow with the count (Anscombe,
    1948).
    """
    # Its import takes a second, which jobs without a stream of counts need not wait for.
    from river.drift import ADWIN

    detector = ADWIN(delta=delta, clock=1)
    changes, begin = [], 0
    values = _roots(counts)
    for index, value in enumerate(values.tolist()):
        detector.update(value)
        if detector.drift_detected:
            split = begin + _split(values[begin : index + 1])
            changes.append(
                CountChange(
                    index=index,
                    begin=split,
                    before=float(np.mean(counts[begin:split])),
                    after=float(np.mean(counts[split : index + 1])),
                )
            )
            begin = split
    return changes


def sensitivity(
    quiet: Sequence[int], *, length: int, rate: float, streams: int = 200, seed: int = 22
) -> Sensitivity | None:
    """The most sensitive parameter whose false alarms stay within `rate`.

    quiet     counts per hour while nothing happened, at least two weeks of them; whole days are
              resampled, at their own weekday, so that the rhythm of day and week stays
    length    hours of a stream that shall stay without an alarm with probability 1 - rate
    None: too few quiet hours, or no parameter is quiet enough (the stream has a rhythm that ADWIN
    takes for changes).
    """
    weeks = len(quiet) // (7 * _BLOCK_HOURS)
    if weeks < 2:
        return None
    hours = np.asarray(quiet[: weeks * 7 * _BLOCK_HOURS]).reshape(weeks, 7, _BLOCK_HOURS)
    random = np.random.default_rng(seed)
    days = -(-length // _BLOCK_HOURS)
    drawn = random.integers(0, weeks, (2 * streams, days))
    resampled = hours[drawn, np.arange(days) % 7].reshape(2 * streams, -1)[:, :length]
    for delta in _DELTAS:
        if _alarm_share(resampled[:streams], delta=delta) <= rate:
            return Sensitivity(
                delta=delta, false_alarm_rate=_alarm_share(resampled[streams:], delta=delta)
            )
    return None


def _alarm_share(streams: npt.NDArray[np.int64], *, delta: float) -> float:
    return float(np.mean([bool(count_changes(counts.tolist(), delta=delta)) for counts in streams]))


def _split(values: Floats) -> int:
    """Where the means before and after differ most, in standard errors; 1 to n - 1."""
    count = np.arange(1, len(values))
    sums = np.cumsum(values)[:-1]
    rest = len(values) - count
    differences = np.abs(sums / count - (values.sum() - sums) / rest)
    return int(np.argmax(differences * np.sqrt(count * rest))) + 1


def _roots(counts: Sequence[int]) -> Floats:
    roots: Floats = 2.0 * np.sqrt(np.asarray(counts, dtype=np.float64) + 0.375)
    return roots
