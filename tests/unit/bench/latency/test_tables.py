"""The tables of trials: one row per round, one of all together."""

from datetime import UTC, datetime

from bench.latency.tables import markdown, pooled, rows_of
from bench.latency.trial import Trial
from proofs.load import Load


def trial(system: str, round_number: int, *latencies_seconds: float) -> Trial:
    return Trial(
        system=system,
        round_number=round_number,
        latencies_seconds=list(latencies_seconds),
        events_per_second=1000.0,
    )


TRIALS = [
    trial("loop", 1, 0.010),
    trial("stream", 1, 0.100, 0.300),
    trial("stream", 2, 0.200),
    trial("loop", 2, 0.020),
]


def test_rounds_are_pooled_by_samples_not_by_their_figures() -> None:
    assert pooled(TRIALS, "stream").p50_ms == 200.0
    assert pooled(TRIALS, "loop").max_ms == 20.0


def test_a_row_per_round_and_one_of_all() -> None:
    assert rows_of(TRIALS, "loop") == [
        ("1", "1", "10", "10", "10", "10", "1,000"),
        ("2", "1", "20", "20", "20", "20", "1,000"),
        ("all", "2", "15", "20", "20", "20", "1,000"),
    ]


def test_report_tells_the_load_the_result_and_the_machine() -> None:
    text = markdown(
        TRIALS,
        load=Load(events_per_second=1000.0, warm_up_seconds=20.0, seconds=60.0),
        machine={"cores": "2"},
        last_line="stream p50 1 ms",
        measured_at=datetime(2026, 11, 21, 12, 0, tzinfo=UTC),
    )
    assert "2026-11-21 12:00 UTC, 1,000 events/s, each run 60 s" in text
    assert "**stream p50 1 ms**" in text
    assert "| 2 | 1 | 200 | 200 | 200 | 200 | 1,000 |" in text
    assert "| cores | 2 |" in text


def test_load_goes_on_after_the_measured_time() -> None:
    load = Load(events_per_second=1.0, warm_up_seconds=20.0, seconds=60.0)
    assert load.duration_seconds > 80.0
