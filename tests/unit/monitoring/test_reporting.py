"""Reports of periods: what is mature, partial and estimated at a look, and where alarms stand."""

from dataclasses import replace

import numpy as np
import pytest

from monitoring.cases import Floats
from monitoring.period_data import PeriodData
from monitoring.period_report import PeriodReport
from monitoring.reporting import ReportOptions, drift_tests, main_version, period_reports
from tests.support.periods import WEEK_MS, cases, period

OPTIONS = ReportOptions(maturity_ms=WEEK_MS, estimates=3)
WEEKS, FALL = 14, 8


def chance(scores: Floats, slices: dict[str, np.ndarray]) -> Floats:
    """Labels that have nothing to do with the scores any more."""
    return np.full(len(scores), 0.3)


@pytest.fixture(scope="module")
def weeks() -> list[PeriodData]:
    """Labels arrive a week after the prediction; from week `FALL` on scores are worthless."""
    return [
        period(
            n,
            cases(1_500, seed=n, begin_ms=n * WEEK_MS, truth=chance if n >= FALL else None),
        )
        for n in range(WEEKS)
    ]


def looked_at(weeks: list[PeriodData], week: int) -> list[PeriodReport]:
    """What was known at the end of a week."""
    tests = drift_tests(weeks, options=OPTIONS)
    return period_reports(
        weeks, scenario="tiny", looked_at_ms=(week + 1) * WEEK_MS, options=OPTIONS, drift=tests
    )


def test_maturities_at_a_look(weeks: list[PeriodData]) -> None:
    reports = looked_at(weeks, 7)
    assert [report.number for report in reports] == list(range(8))
    assert [report.is_mature for report in reports] == [True] * 7 + [False]
    present = {measured.maturity for measured in reports[-1].measurements}
    assert present == {"estimated"}  # its labels arrive next week
    before = reports[-2]
    mature, estimated = (before.measurement("auroc", maturity=m) for m in ("mature", "estimated"))
    assert mature is not None
    assert estimated is not None
    assert mature.coverage == 1.0
    assert mature.interval.value is not None
    low, high = estimated.interval.low, estimated.interval.high
    assert low is not None
    assert high is not None
    assert low <= mature.interval.value <= high
    assert before.measurement("auroc", part="region=north", maturity="mature") is not None
    assert reports[3].measurement("auroc", maturity="estimated") is None  # only the newest three


def test_a_past_look_is_the_same_whatever_came_later(weeks: list[PeriodData]) -> None:
    assert looked_at(weeks[:9], 8) == looked_at(weeks, 8)


def test_what_an_earlier_look_measured_is_taken_over_unchanged(weeks: list[PeriodData]) -> None:
    tests = drift_tests(weeks, options=OPTIONS)
    earlier = looked_at(weeks, 7)
    sooner = period_reports(
        weeks, scenario="tiny", looked_at_ms=9 * WEEK_MS, options=OPTIONS, drift=tests,
        earlier=earlier,
    )  # fmt: skip
    assert sooner == looked_at(weeks, 8)
    mature = [report.measurement("auroc", maturity="mature") for report in (earlier[3], sooner[3])]
    assert mature[0] is mature[1]
    assert earlier[7].measurement("auroc", maturity="mature") is None
    assert sooner[7].measurement("auroc", maturity="mature") is not None


def test_a_fall_is_an_alarm_of_a_period_after_it_and_of_none_before(
    weeks: list[PeriodData],
) -> None:
    reports = looked_at(weeks, WEEKS - 1)
    harmful = [r.number for r in reports if any(a.kind == "risk" for a in r.alarms)]
    assert harmful
    assert FALL <= harmful[0] <= FALL + 4
    assert not any(alarm.kind == "slice" for report in reports for alarm in report.alarms[:FALL])


def test_a_new_version_has_a_reference_of_its_own(weeks: list[PeriodData]) -> None:
    renamed = [
        replace(week, cases=replace(week.cases, version_names=("2",)))
        if week.period.number >= FALL
        else week
        for week in weeks
    ]
    reports = looked_at(renamed, WEEKS - 1)
    assert [report.version for report in reports] == ["1"] * FALL + ["2"] * (WEEKS - FALL)
    # It was never better: against its own first weeks it has not fallen.
    assert not any(alarm.kind == "risk" for report in reports for alarm in report.alarms)


def test_a_period_without_cases_has_no_measurements(weeks: list[PeriodData]) -> None:
    nothing = weeks[2].cases.where(np.zeros(1_500, dtype=np.bool_))
    empty = replace(weeks[2], cases=nothing, features=weeks[2].features[:0])
    assert main_version(empty) == ""
    reports = looked_at([*weeks[:2], empty, *weeks[3:6]], 5)
    assert reports[2].measurements == ()
    assert reports[2].version == ""
