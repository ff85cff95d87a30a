"""A version on trial is withdrawn for what it fails and costs, and for nothing else."""

import pytest

from scenarios.contract.judge import Effort
from streaming.passes.settings import TrialBounds
from streaming.scoring.trial import Trial


def effort(role: str, rows: int, seconds: float, *, failed: int = 0) -> Effort:
    cause = "model m version 2 gives score nan" if failed else ""
    return Effort(
        role=role,
        rows=rows,
        failed=failed,
        cause=cause,
        scoring_seconds=seconds,
        seconds=seconds,
    )


def after(batches: int, *efforts: Effort) -> dict[str, str]:
    trial = Trial(TrialBounds())
    for _ in range(batches):
        trial.add(efforts)
    return trial.excesses()


def test_one_failure_in_a_thousand_is_none() -> None:
    efforts = effort("champion", 9_000, 0.02), effort("challenger", 1_000, 0.002, failed=1)
    assert after(100, *efforts) == {}


@pytest.mark.parametrize("role", ["challenger", "shadow"])
def test_a_tenth_of_failures_is_too_much(role: str) -> None:
    causes = after(2, effort("champion", 900, 0.002), effort(role, 100, 0.0002, failed=10))
    assert list(causes) == [role]
    assert "failed 20 of 200 events (10.0%, bound 1.0%)" in causes[role]
    assert "gives score nan" in causes[role]


def test_a_few_failures_are_too_few_to_judge() -> None:
    assert after(1, effort("champion", 9, 0.0), effort("shadow", 3, 0.0, failed=3)) == {}


@pytest.mark.parametrize("role", ["challenger", "shadow"])
def test_a_hundred_times_slower_is_too_slow(role: str) -> None:
    champion = effort("champion", 10_000, 10_000 * 5e-6)
    causes = after(6, champion, effort(role, 1_000, 1_000 * 5e-4))
    assert list(causes) == [role]
    assert "an event more than the champion (5.0 µs)" in causes[role]


def test_ten_times_slower_is_not() -> None:
    champion = effort("champion", 10_000, 10_000 * 5e-6)
    assert after(50, champion, effort("shadow", 10_000, 10_000 * 5e-5)) == {}


def test_a_call_of_one_row_may_take_as_long_as_the_champions_batch() -> None:
    """0.9 ms for a row is 300 times what the champion takes for one of its 300."""
    assert after(1_000, effort("champion", 300, 0.001), effort("challenger", 1, 0.0009)) == {}


def test_one_pause_of_the_machine_is_none() -> None:
    trial = Trial(TrialBounds())
    trial.add([effort("champion", 100, 0.001), effort("shadow", 100, 5.0)])
    for _ in range(20):
        trial.add([effort("champion", 100, 0.001), effort("shadow", 100, 0.001)])
    assert trial.excesses() == {}
