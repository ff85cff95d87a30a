"""What a surge did to latency: before, in and after it, and when it was as before."""

import time
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from bench.measurement import MS_PER_SECOND, MeasurementUnsound
from monitoring.latency_probe import Sample

# "As quick as before" leaves room for what differs between any two seconds.
_ROOM = 1.5
_FILLED = 0.5


@dataclass(frozen=True)
class Spans:
    """Samples by when their events were made."""

    before: Sequence[Sample]
    during: Sequence[Sample]
    after: Sequence[Sample]

    def percentiles(self) -> dict[str, float]:
        """p50 and p99 of each span in milliseconds, as `Surged` names them."""
        found = {}
        for name, own in (("before", self.before), ("in", self.during), ("after", self.after)):
            milliseconds = np.array([each.seconds for each in own]) * MS_PER_SECOND
            p50, p99 = np.percentile(milliseconds, (50, 99)).tolist()
            found[f"{name}_p50_ms"], found[f"{name}_p99_ms"] = p50, p99
        return found

    def back_seconds(self, end: float) -> float | None:
        """Seconds from the surge's `end` until it was as before; see `back_after`."""
        limit = float(np.percentile([each.seconds for each in self.before], 99)) * _ROOM
        return back_after(self.after, end, limit_seconds=limit)


def spans(samples: Sequence[Sample], begin: float, end: float, *, calm_seconds: float) -> Spans:
    """The samples before, in and after a surge from `begin` to `end`, seconds of the epoch.

    Raises `MeasurementUnsound` when one of them is empty.
    """
    found = Spans(
        _made(samples, begin - calm_seconds, begin),
        _made(samples, begin, end),
        _made(samples, end, time.time()),
    )
    counts = [len(found.before), len(found.during), len(found.after)]
    if not all(counts):
        raise MeasurementUnsound(
            f"{counts} events became readable before, in and after the surge; expected some of each"
        )
    return found


def back_after(after: Sequence[Sample], end: float, *, limit_seconds: float) -> float | None:
    """Seconds from `end` to the second from which on the median of every second keeps the limit.

    None when the last second does not keep it. The last one counts if the load has filled it: with
    at least half as many samples as the others have.
    """
    seconds = np.array([int(_made_at(each) - end) for each in after])
    latencies = np.array([each.seconds for each in after])
    told, counts = np.unique(seconds, return_counts=True)
    if len(told) > 1 and counts[-1] < _FILLED * np.median(counts[:-1]):
        told = told[:-1]
    slow = [
        second
        for second in told.tolist()
        if np.median(latencies[seconds == second]) > limit_seconds
    ]
    if not slow:
        return 0.0
    return None if slow[-1] >= told[-1] else float(slow[-1] + 1)


def _made(samples: Sequence[Sample], begin: float, end: float) -> list[Sample]:
    return [sample for sample in samples if begin <= _made_at(sample) < end]


def _made_at(sample: Sample) -> float:
    return sample.readable_at - sample.seconds
