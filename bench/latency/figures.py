"""Percentiles of latencies, and two systems' figures on one line."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from bench.measurement import MS_PER_SECOND


@dataclass(frozen=True, kw_only=True)
class Figures:
    """Percentiles of `samples` latencies, in milliseconds (linear between neighbours)."""

    samples: int
    p50_ms: float
    p95_ms: float
    p99_ms: float
    max_ms: float


class NoSamples(RuntimeError):
    """Nothing was measured, so there are no percentiles."""

    exit_code = 1


def figures_of(latencies_seconds: Sequence[float]) -> Figures:
    """Figures of latencies in seconds; raises `NoSamples` when there are none."""
    if not latencies_seconds:
        raise NoSamples("no event became readable while it was measured, expected some per second")
    latencies_ms = np.asarray(latencies_seconds) * MS_PER_SECOND
    p50, p95, p99, most = np.percentile(latencies_ms, (50, 95, 99, 100)).tolist()
    return Figures(samples=latencies_ms.size, p50_ms=p50, p95_ms=p95, p99_ms=p99, max_ms=most)


def comparison(*, stream: Figures, loop: Figures) -> str:
    """One line: both systems' p50 and p99, and the stream's as multiples of the loop's."""
    return (
        f"stream p50 {stream.p50_ms:.0f} ms p99 {stream.p99_ms:.0f} ms | "
        f"loop p50 {loop.p50_ms:.0f} ms p99 {loop.p99_ms:.0f} ms | "
        f"ratio p50 {_ratio(stream.p50_ms, loop.p50_ms)} p99 {_ratio(stream.p99_ms, loop.p99_ms)}"
    )


def _ratio(value: float, base: float) -> str:
    """Three significant digits without trailing zeros, as people write a factor."""
    return f"{float(f'{value / base:.3g}'):g}"
