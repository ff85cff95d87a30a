"""ADWIN on hourly counts: it sees a jump, and its sensitivity keeps quiet streams quiet."""

import numpy as np
import pytest

pytest.importorskip("river")

from monitoring.drift.counts_stream import count_changes, sensitivity

HOURS = 7 * 24


def hours(weeks: int, *, mean: float = 100.0, seed: int = 1) -> list[int]:
    return [int(n) for n in np.random.default_rng(seed).poisson(mean, weeks * HOURS)]


def test_a_jump_is_seen_soon_and_its_size_is_given() -> None:
    counts = hours(2) + hours(1, mean=200.0, seed=2)
    (change,) = count_changes(counts, delta=0.002)
    assert 2 * HOURS <= change.index < 2 * HOURS + 24
    assert change.begin == pytest.approx(2 * HOURS, abs=2)
    assert change.before == pytest.approx(100.0, rel=0.05)
    assert change.after == pytest.approx(200.0, rel=0.25)


def test_the_sensitivity_holds_on_streams_that_it_was_not_chosen_by() -> None:
    chosen_one = sensitivity(hours(4), length=HOURS, rate=0.1, streams=40)
    assert chosen_one is not None
    later = [hours(1, seed=seed) for seed in range(100, 140)]
    share = np.mean([bool(count_changes(counts, delta=chosen_one.delta)) for counts in later])
    assert share <= 0.25  # of 40 streams at 10 %, more than 10 have a probability below 1 %
    assert chosen_one.false_alarm_rate <= 0.25


def test_a_daily_rhythm_asks_for_less_sensitivity_than_a_steady_stream() -> None:
    steady = sensitivity(hours(4), length=HOURS, rate=0.1, streams=20)
    day = 1.0 + 0.5 * np.sin(np.arange(4 * HOURS) / 24 * 2 * np.pi)
    rhythm = np.random.default_rng(3).poisson(100 * day).tolist()
    rhythmic = sensitivity(rhythm, length=HOURS, rate=0.1, streams=20)
    assert steady is not None
    assert rhythmic is None or rhythmic.delta < steady.delta


def test_less_than_two_quiet_weeks_say_nothing() -> None:
    assert sensitivity(hours(1), length=HOURS, rate=0.1) is None
