"""When a stream counts as back from a surge."""

import pytest

from bench.measurement import MeasurementUnsound
from bench.suite.observations.surge_times import back_after, spans
from monitoring.live.latency_probe import Sample


def made(at: float, seconds: float) -> Sample:
    return Sample(readable_at=at + seconds, seconds=seconds)


def test_back_counts_from_the_surges_end_to_the_last_slow_second() -> None:
    slow = [made(100.5, 3.0), made(102.2, 2.0), made(102.4, 2.0), made(102.6, 0.1)]
    quick = [made(101.5, 0.1), made(103.5, 0.1), made(104.5, 0.2)]
    assert back_after([*slow, *quick], 100.0, limit_seconds=0.5) == 3.0


def test_a_stream_that_was_never_slow_is_back_at_once() -> None:
    assert back_after([made(100.5, 0.1), made(101.5, 0.1)], 100.0, limit_seconds=0.5) == 0.0


def test_a_stream_that_is_slow_to_the_end_is_not_back() -> None:
    assert back_after([made(100.5, 0.1), made(101.5, 9.0)], 100.0, limit_seconds=0.5) is None


def test_a_last_second_that_the_load_has_not_filled_does_not_count() -> None:
    filled = [made(100.0 + 0.1 * number, 0.1) for number in range(20)]
    few = [made(102.0, 9.0), made(102.1, 9.0)]
    assert back_after([*filled, *few], 100.0, limit_seconds=0.5) == 0.0
    many = [made(102.0 + 0.1 * number, 9.0) for number in range(8)]
    assert back_after([*filled, *many], 100.0, limit_seconds=0.5) is None


def test_samples_belong_to_the_time_at_which_their_event_was_made() -> None:
    samples = [made(95.0, 0.1), made(99.9, 5.0), made(100.1, 2.0), made(160.5, 0.2)]
    surge_spans = spans(samples, 100.0, 160.0, calm_seconds=4.0)
    assert [len(surge_spans.before), len(surge_spans.during), len(surge_spans.after)] == [1, 1, 1]
    assert surge_spans.percentiles()["before_p50_ms"] == pytest.approx(5_000.0)
    assert surge_spans.back_seconds(160.0) == 0.0


def test_a_span_without_samples_is_no_measurement() -> None:
    with pytest.raises(MeasurementUnsound, match="expected some of each"):
        spans([made(99.0, 0.1)], 100.0, 160.0, calm_seconds=4.0)
