"""Percentiles of latencies, and the line that compares two systems."""

import pytest

from bench.latency.figures import Figures, NoSamples, comparison, figures_of


def figures(p50_ms: float, p99_ms: float) -> Figures:
    return Figures(samples=10, p50_ms=p50_ms, p95_ms=p99_ms, p99_ms=p99_ms, max_ms=p99_ms)


def test_percentiles_are_in_milliseconds_and_between_neighbours() -> None:
    figures = figures_of([0.001 * ms for ms in range(101)])
    assert figures.samples == 101
    assert (figures.p50_ms, figures.p95_ms, figures.p99_ms, figures.max_ms) == pytest.approx(
        (50, 95, 99, 100)
    )


def test_one_sample_is_every_percentile() -> None:
    figures = figures_of([0.25])
    assert figures == Figures(samples=1, p50_ms=250, p95_ms=250, p99_ms=250, max_ms=250)


def test_nothing_measured_is_an_error_and_no_zero() -> None:
    with pytest.raises(NoSamples, match="no event became readable"):
        figures_of([])


def test_comparison_is_one_line_with_both_systems_and_their_ratios() -> None:
    line = comparison(stream=figures(95.2, 210.4), loop=figures(17.0, 120.0))
    assert line == (
        "stream p50 95 ms p99 210 ms | loop p50 17 ms p99 120 ms | ratio p50 5.6 p99 1.75"
    )


def test_ratios_of_unrounded_figures_have_three_digits() -> None:
    line = comparison(stream=figures(1234.0, 100.4), loop=figures(10.0, 100.0))
    assert line.endswith("ratio p50 123 p99 1")
