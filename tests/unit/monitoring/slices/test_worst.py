from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from monitoring.cases import Cases, Floats, Ints
from monitoring.estimate.calibration import Calibration, fit_calibration
from monitoring.period_data import PeriodData
from monitoring.slices.parts import SlicedValues, gap_of, gaps
from monitoring.slices.worst import (
    SliceOptions,
    slice_alarms,
    slice_quality,
    slice_tests,
    worst_slices,
)
from tests.support.periods import cases, period, quiet

Truth = Callable[[Floats, dict[str, Ints]], Floats]

OPTIONS = SliceOptions()


def calibration_of(weeks: list[PeriodData]) -> Calibration:
    return fit_calibration(
        np.concatenate([week.cases.scores for week in weeks]),
        np.concatenate([week.cases.labels for week in weeks]),
    )


def north_is_random(scores: Floats, slices: dict[str, Ints]) -> Floats:
    return np.where(slices["region"] == 0, 0.5, scores)


def north_on_plan_b_is_random(scores: Floats, slices: dict[str, Ints]) -> Floats:
    return np.where((slices["region"] == 0) & (slices["plan"] == 1), 0.5, scores)


@pytest.mark.parametrize(
    ("truth", "part"),
    [(north_is_random, "region=north"), (north_on_plan_b_is_random, "region=north & plan=b")],
)
def test_the_broken_slice_is_named_and_nothing_else(truth: Truth, part: str) -> None:
    some = cases(8_000, seed=1, truth=truth)
    named = worst_slices(some, calibration=calibration_of(quiet(4)), options=OPTIONS)
    assert [worst.part for worst in named] == [part]
    assert named[0].excess > 0.05


def test_noise_is_named_no_more_often_than_declared() -> None:
    """100 searches of 4,000 quiet cases each at 5 %."""
    calibration = calibration_of(quiet(4))
    names = [
        worst_slices(cases(4_000, seed=seed), calibration=calibration, options=OPTIONS)
        for seed in range(100)
    ]
    assert sum(map(bool, names)) <= 10


def test_a_slice_that_is_only_harder_is_not_named() -> None:
    some = cases(6_000, seed=5)
    hard = some.where((some.slices["region"] != 0) | (np.abs(some.scores - 0.5) < 0.25))
    assert worst_slices(hard, calibration=calibration_of(quiet(4)), options=OPTIONS) == ()


def test_a_fall_that_all_share_names_no_slice() -> None:
    some = cases(6_000, seed=6, truth=lambda scores, _: np.full_like(scores, 0.4))
    assert worst_slices(some, calibration=calibration_of(quiet(4)), options=OPTIONS) == ()


def sliced(some: Cases) -> SlicedValues:
    losses = (some.scores - some.labels) ** 2
    return SlicedValues(values=losses, codes=some.slices, names=some.slice_values)


def test_gaps_are_those_of_the_rows_that_a_part_names() -> None:
    some = sliced(cases(3_000, seed=1))
    parts = {gap.part: gap for gap in gaps(some, least=1)}
    assert len(parts) == 4 + 3 + 4 * 3
    for part, gap in parts.items():
        rows = some.rows_of(part)
        assert gap.count == rows.sum()
        assert (gap.gap, gap.error) == pytest.approx(gap_of(some, rows))
    assert not some.rows_of("region=nowhere").any()


def test_small_slices_and_missing_values_are_not_looked_at() -> None:
    some = cases(2_000, seed=1)
    assert not any(" & " in gap.part for gap in gaps(sliced(some), least=200))
    codes = np.where(some.slices["region"] == 0, -1, some.slices["region"])
    without_north = replace(some, slices={"region": codes})
    assert [gap.part for gap in gaps(sliced(without_north), least=1)] == [
        "region=east",
        "region=south",
        "region=west",
    ]


def year(seed: int, broken_from: int | None, *, cases_each: int = 2_000) -> list[PeriodData]:
    return [
        period(
            n,
            cases(
                cases_each,
                seed=100 * seed + n,
                truth=north_is_random if broken_from is not None and n >= broken_from else None,
            ),
        )
        for n in range(24)
    ]


def test_a_slice_is_tested_on_later_weeks_than_it_was_noticed_in() -> None:
    weeks = year(3, broken_from=10)
    tests = slice_tests(weeks, calibration=calibration_of(weeks[:6]), options=OPTIONS)
    (test,) = [test for test in tests if test.alarm_period is not None][:1]
    assert test.picked.part == "region=north"
    assert test.first_period > 10
    assert test.alarm_period is not None
    assert 11 <= test.alarm_period <= 13
    (alarm,) = slice_alarms(tests, period=test.alarm_period, options=OPTIONS)
    assert (alarm.kind, alarm.subject, alarm.harm) == ("slice", "region=north", True)
    assert slice_alarms(tests, period=9, options=OPTIONS) == ()
    current = weeks[test.alarm_period].cases
    north = current.where(current.slices["region"] == 0)
    measured = slice_quality(current, [alarm], maturity="mature", options=OPTIONS)
    assert {m.part for m in measured} == {"region=north"}
    assert {m.predictions for m in measured} == {len(north)}
    area = next(m.interval.value for m in measured if m.metric == "auroc")
    assert area == pytest.approx(roc_auc_score(north.labels, north.scores))


def test_what_was_said_of_a_week_never_changes() -> None:
    weeks = year(3, broken_from=10)
    calibration = calibration_of(weeks[:6])
    whole = slice_tests(weeks, calibration=calibration, options=OPTIONS)
    for upto in (12, 14, 20):
        shorter = slice_tests(weeks[:upto], calibration=calibration, options=OPTIONS)
        for number in range(upto):
            assert slice_alarms(shorter, period=number, options=OPTIONS) == slice_alarms(
                whole, period=number, options=OPTIONS
            )


def test_quiet_lives_name_no_slice() -> None:
    """20 lives of 24 weeks; the budget is 5 %."""
    alarms = 0
    for seed in range(20):
        weeks = year(1_000 + seed, None, cases_each=600)
        tests = slice_tests(weeks, calibration=calibration_of(weeks[:6]), options=OPTIONS)
        alarms += any(test.alarm_period is not None for test in tests)
    assert alarms <= 2
