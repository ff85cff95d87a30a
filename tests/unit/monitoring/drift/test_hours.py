"""Counts per hour: a jump within a week is an alarm, and quiet weeks stay quiet."""

from dataclasses import replace

import numpy as np
import pytest

from monitoring.cases import Ints, Period
from monitoring.drift.hours import hour_alarms
from monitoring.period_data import PeriodData
from monitoring.period_report import Alarm
from tests.unit.monitoring.drift import simulated_weeks

WEEK_MS = 7 * 86_400_000
HOURS = 168


def week(number: int, counts: Ints, **others: Ints) -> PeriodData:
    period = Period(number=number, begin_ms=number * WEEK_MS, end_ms=(number + 1) * WEEK_MS)
    streams = {"events": counts, **{f"dead_letter.{name}": n for name, n in others.items()}}
    return replace(simulated_weeks.week(number, cases=10), period=period, hourly_counts=streams)


def weeks(count: int, *, seed: int, first: int = 0) -> list[PeriodData]:
    """Weeks with the rhythm of the day, at 200 events an hour in the mean."""
    random = np.random.default_rng(seed)
    day = 1.0 + 0.3 * np.sin(np.arange(HOURS) / 24 * 2 * np.pi)
    return [
        week(first + n, random.poisson(200 * day), bad_json=random.poisson(2.0, HOURS))
        for n in range(count)
    ]


def alarms(quiet: list[PeriodData], current: PeriodData) -> dict[str, Alarm]:
    made = hour_alarms(quiet, current, rate=0.02, seed=1)
    return {alarm.subject: alarm for alarm in made}


def test_a_jump_in_the_middle_of_a_week_is_named_with_its_hour() -> None:
    quiet = weeks(6, seed=1)
    (usual,) = weeks(1, seed=2, first=6)
    letters = usual.hourly_counts["dead_letter.bad_json"].copy()
    letters[100:] += 30
    current = week(6, usual.hourly_counts["events"], bad_json=letters)
    (alarm,) = alarms(quiet, current).values()
    assert (alarm.kind, alarm.subject) == ("data", "dead_letter.bad_json per hour")
    assert not alarm.harm
    assert alarm.bound == pytest.approx(2.0, abs=0.5)
    assert alarm.value == pytest.approx(32.0, abs=4.0)
    assert "hour 100 of the week" in alarm.sentence or "hour 99 of" in alarm.sentence


def test_quiet_weeks_stay_quiet() -> None:
    quiet = weeks(6, seed=1)
    later = [weeks(1, seed=seed, first=6)[0] for seed in range(10, 30)]
    assert sum(bool(alarms(quiet, current)) for current in later) <= 2


def test_few_quiet_weeks_or_other_periods_say_nothing() -> None:
    quiet = weeks(6, seed=1)
    jump = week(6, np.full(HOURS, 5_000))
    assert alarms(quiet, jump)
    assert alarms(quiet[:3], jump) == {}
    short = replace(jump, period=replace(jump.period, end_ms=jump.period.begin_ms + 86_400_000))
    assert alarms(quiet, short) == {}
    assert alarms(quiet, replace(jump, hourly_counts={})) == {}
