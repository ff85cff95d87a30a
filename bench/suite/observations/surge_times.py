"""Latency before, in and after a surge, and when it is as before again."""

import time
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from bench.measurement import MS_PER_SECOND, MeasurementUnsound
from monitoring.live.latency_probe import Sample

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
        figures = {}
        for name, samples in (("before", self.before), ("in", self.during), ("after", self.after)):
            milliseconds = np.array([sample.seconds for sample in samples]) * MS_PER_SECOND
            p50, p99 = np.percentile(milliseconds, (50, 99)).tolist()
            figures[f"{name}_p50_ms"], figures[f"{name}_p99_ms"] = p50, p99
        return figures

    def back_seconds(self, end: float) -> float | None:
        """Seconds from the surge's `end` until it was as before; see `back_after`."""
        limit = float(np.percentile([sample.seconds for sample in self.before], 99)) * _ROOM
        return back_after(self.after, end, limit_seconds=limit)


def spans(samples: Sequence[Sample], begin: float, end: float, *, calm_seconds: float) -> Spans:
    """The samples before, in and after a surge from `begin` to `end`, seconds of the epoch.

    Raises `MeasurementUnsound` when one of them is empty.
    """
    surge_spans = Spans(
        _made(samples, begin - calm_seconds, begin),
        _made(samples, begin, end),
        _made(samples, end, time.time()),
    )
    counts = [len(surge_spans.before), len(surge_spans.during), len(surge_spans.after)]
    if not all(counts):
        raise MeasurementUnsound(
            f"{counts} events became readable before, in and after the surge; expected some of each"
        )
    return surge_spans


def back_after(after: Sequence[Sample], end: float, *, limit_seconds: float) -> float | None:
    """Seconds from `end` until the median of every later second is within the limit.

    None when the last second's is not. The last one counts if the load has filled it: with
    at least half as many samples as the others have.
    """
    seconds = np.array([int(_made_at(sample) - end) for sample in after])
    latencies = np.array([sample.seconds for sample in after])
    distinct_seconds, counts = np.unique(seconds, return_counts=True)
    if len(distinct_seconds) > 1 and counts[-1] < _FILLED * np.median(counts[:-1]):
        distinct_seconds = distinct_seconds[:-1]
    slow = [
        second
        for second in distinct_seconds.tolist()
        if np.median(latencies[seconds == second]) > limit_seconds
    ]
    if not slow:
        return 0.0
    return None if slow[-1] >= distinct_seconds[-1] else float(slow[-1] + 1)


def _made(samples: Sequence[Sample], begin: float, end: float) -> list[Sample]:
    return [sample for sample in samples if begin <= _made_at(sample) < end]


def _made_at(sample: Sample) -> float:
    return sample.readable_at - sample.seconds
