"""Counts and times of requests by operation, for Prometheus."""

import bisect
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from reports.metrics_file import Metric

# Upper bounds in seconds: a latest row takes some milliseconds, a history seconds.
BOUNDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)

_Operation = tuple[str, str]  # method, route


@dataclass
class RequestMetrics:
    """What was answered since the start; written on the event loop only."""

    answers: Counter[tuple[str, str, int]] = field(default_factory=Counter)
    seconds: dict[_Operation, float] = field(default_factory=dict)
    buckets: dict[_Operation, list[int]] = field(default_factory=dict)
    under_way: int = 0

    def add(self, *, method: str, route: str, status: int, seconds: float) -> None:
        """Count one answer."""
        operation = (method, route)
        self.answers[method, route, status] += 1
        self.seconds[operation] = self.seconds.get(operation, 0.0) + seconds
        counts = self.buckets.setdefault(operation, [0] * (len(BOUNDS) + 1))
        counts[bisect.bisect_left(BOUNDS, seconds)] += 1

    def metrics(self) -> Sequence[Metric]:
        """All of them; the histogram's series are counters of their own."""
        return [
            Metric(
                name="everscore_http_requests_total",
                meaning="Answers by operation and status.",
                kind="counter",
                samples=[
                    ({"method": method, "route": route, "status": str(status)}, count)
                    for (method, route, status), count in sorted(self.answers.items())
                ],
            ),
            Metric(
                name="everscore_http_request_seconds_bucket",
                meaning="Requests that took at most `le` seconds.",
                kind="counter",
                samples=[
                    ({**_labels(operation), "le": bound}, count)
                    for operation, counts in sorted(self.buckets.items())
                    for bound, count in _cumulative(counts).items()
                ],
            ),
            Metric(
                name="everscore_http_request_seconds_sum",
                meaning="Seconds that requests took, together.",
                kind="counter",
                samples=[(_labels(key), value) for key, value in sorted(self.seconds.items())],
            ),
            Metric(
                name="everscore_http_request_seconds_count",
                meaning="Requests that were timed.",
                kind="counter",
                samples=[(_labels(key), sum(n)) for key, n in sorted(self.buckets.items())],
            ),
            Metric(
                name="everscore_http_requests_under_way",
                meaning="Requests that are being answered.",
                samples=[({}, self.under_way)],
            ),
        ]


def _labels(operation: _Operation) -> Mapping[str, str]:
    return {"method": operation[0], "route": operation[1]}


def _cumulative(counts: Sequence[int]) -> Mapping[str, int]:
    total, result = 0, {}
    for bound, count in zip((*map(str, BOUNDS), "+Inf"), counts, strict=True):
        total += count
        result[bound] = total
    return result
