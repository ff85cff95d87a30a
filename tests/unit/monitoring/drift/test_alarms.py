"""Which alarms a changed week has, and that a quiet one seldom has any."""

from dataclasses import replace

import numpy as np
import pytest

from monitoring.drift.alarms import QuietWeeks, drift_test, quiet_weeks
from monitoring.drift.options import DriftOptions
from monitoring.period_data import PeriodData
from monitoring.period_report import Alarm
from tests.unit.monitoring.drift.simulated_weeks import FEATURES, week

OPTIONS = DriftOptions(categories=frozenset({"contract"}))
WEEKS = 8


@pytest.fixture(scope="module")
def thresholds() -> QuietWeeks:
    made = quiet_weeks([week(n) for n in range(WEEKS)], week(99, cases=4_000), options=OPTIONS)
    assert made is not None
    return made


def changed(**columns: object) -> PeriodData:
    """Week 8 with functions of its columns in place of them."""
    period = week(WEEKS)
    features = period.features.copy()
    for name, function in columns.items():
        number = FEATURES.index(name)
        features[:, number] = function(features[:, number])  # type: ignore[operator]
    return replace(period, features=features)


def alarm(alarms: tuple[Alarm, ...], subject: str) -> Alarm:
    return next(a for a in alarms if a.subject == subject)


def test_a_quiet_week_has_no_alarm(thresholds: QuietWeeks) -> None:
    assert thresholds.test(week(WEEKS)).alarms == ()


def test_moved_inputs_are_drift_without_harm(thresholds: QuietWeeks) -> None:
    alarms = thresholds.test(changed(age=lambda age: age + 0.3)).alarms
    assert [(a.kind, a.subject, a.harm) for a in alarms] == [("drift", "age", False)]
    assert alarms[0].value > alarms[0].bound
    assert 0.0 <= (alarms[0].false_alarm_rate or 0.0) < 0.05


def test_a_wider_spread_at_the_same_mean_is_drift(thresholds: QuietWeeks) -> None:
    alarms = thresholds.test(changed(age=lambda age: (age - age.mean()) * 1.3 + age.mean())).alarms
    assert [(a.kind, a.subject, a.harm) for a in alarms] == [("drift", "age", False)]
    assert "standard deviation" in alarms[0].sentence


def test_values_that_go_missing_are_a_fault_of_the_data(thresholds: QuietWeeks) -> None:
    def half_missing(values: np.ndarray[tuple[int], np.dtype[np.float64]]) -> object:
        return np.where(np.arange(len(values)) % 2 == 0, np.nan, values)

    found_alarm = alarm(thresholds.test(changed(age=half_missing)).alarms, "age")
    assert (found_alarm.kind, found_alarm.harm) == ("data", True)
    assert "50.0% missing" in found_alarm.sentence


def test_another_unit_is_named_as_such(thresholds: QuietWeeks) -> None:
    cents = alarm(thresholds.test(changed(amount=lambda euros: euros * 100)).alarms, "amount")
    assert (cents.kind, cents.harm) == ("data", True)
    alarms = thresholds.test(changed(amount=lambda euros: euros * 1.5)).alarms
    assert [(a.kind, a.harm) for a in alarms] == [("drift", False)]


def test_half_of_the_producers_in_another_unit_send_values_never_seen(
    thresholds: QuietWeeks,
) -> None:
    half = alarm(
        thresholds.test(
            changed(amount=lambda a: np.where(np.arange(len(a)) % 2 == 0, a * 100, a))
        ).alarms,
        "amount",
    )
    assert (half.kind, half.harm) == ("data", True)
    assert "never seen" in half.sentence


def test_a_category_that_nobody_sent_before_is_a_fault_of_the_data(thresholds: QuietWeeks) -> None:
    new_code = alarm(
        thresholds.test(changed(contract=lambda c: np.where(c == 2.0, 3.0, c))).alarms, "contract"
    )
    assert (new_code.kind, new_code.harm) == ("data", True)


def test_a_column_that_is_gone_harms_and_a_new_one_does_not(thresholds: QuietWeeks) -> None:
    period = week(WEEKS)
    renamed = replace(period, feature_names=("age", "saldo", "amount", "contract"))
    alarms = thresholds.test(renamed).alarms
    assert (alarm(alarms, "balance").kind, alarm(alarms, "balance").harm) == ("data", True)
    assert (alarm(alarms, "saldo").kind, alarm(alarms, "saldo").harm) == ("data", False)


@pytest.mark.parametrize(
    ("counts", "subject", "harm"),
    [
        ({"events": 4_000}, "events", False),
        ({"events": 2_000, "lateness_ms": 9_000}, "lateness_ms", False),
        ({"events": 2_000, "device.band.high": 300}, "device.band.high", False),
        ({"events": 2_000, "dead_letter.bad_json": 90}, "dead_letter.bad_json", True),
        ({"events": 2_000, "dead_letter.unknown_type": 400}, "dead_letter.unknown_type", True),
    ],
)
def test_counts_that_leave_their_range(
    thresholds: QuietWeeks, counts: dict[str, int], subject: str, harm: bool
) -> None:
    usual = {"lateness_ms": 1_500, "dead_letter.bad_json": 4}
    alarms = thresholds.test(replace(week(WEEKS), counts={**usual, **counts})).alarms
    assert [(a.kind, a.subject, a.harm) for a in alarms] == [("data", subject, harm)]


def test_twice_the_volume_with_twice_the_dead_letters_is_no_alarm_of_dead_letters(
    thresholds: QuietWeeks,
) -> None:
    counts = {"events": 4_000, "lateness_ms": 1_500, "dead_letter.bad_json": 8}
    alarms = thresholds.test(replace(week(WEEKS), counts=counts)).alarms
    assert [a.subject for a in alarms] == ["events"]


def test_reasons_that_change_places_are_drift(thresholds: QuietWeeks) -> None:
    reasons = {"AGE": 160, "BALANCE": 480, "AMOUNT": 160}
    alarms = thresholds.test(replace(week(WEEKS), reason_counts=reasons)).alarms
    assert {(a.kind, a.harm) for a in alarms} == {("drift", False)}
    assert {a.subject for a in alarms} >= {"reason.AGE", "reason.BALANCE"}


def test_slow_drift_shows_against_the_training_snapshot() -> None:
    """The quiet weeks have moved along; only the snapshot is as it was."""
    moved = []
    for number in range(WEEKS + 1):
        period = week(number)
        features = period.features.copy()
        features[:, 0] += 0.25
        moved.append(replace(period, features=features))
    result = drift_test(week(99, cases=4_000), moved[:-1], moved[-1], options=OPTIONS)
    assert "training snapshot" in alarm(result.alarms, "age").sentence
    assert drift_test(None, moved[:-1], moved[-1], options=OPTIONS).alarms == ()


def test_too_few_quiet_weeks_are_said_and_nothing_is_guessed() -> None:
    broken = changed(age=lambda age: age + 100.0)
    result = drift_test(week(99), [week(0), week(1), week(2)], broken, options=OPTIONS)
    assert result.alarms == ()
    assert result.counts == {"drift.quiet_weeks": 3, "drift.not_enough_quiet_weeks": 1}


def test_the_same_period_gives_the_same_alarms() -> None:
    quiet = [week(n) for n in range(6)]
    period = changed(age=lambda age: age + 0.3)
    first, second = (drift_test(None, quiet, period, options=OPTIONS) for _ in range(2))
    assert first == second
    assert first.alarms


def test_weeks_that_wander_widen_the_thresholds() -> None:
    """What is a large shift among steady weeks is usual among weeks that differ."""
    period = changed(age=lambda age: age + 0.3)
    wandering = [week(n, wander=0.3) for n in range(WEEKS)]
    assert drift_test(None, wandering, period, options=OPTIONS).alarms == ()
    steady = [week(n) for n in range(WEEKS)]
    assert drift_test(None, steady, period, options=OPTIONS).alarms != ()


def test_false_alarms_are_as_rare_as_declared() -> None:
    """20 histories of quiet weeks, 4 quiet weeks tested by each: 80 tests at a rate of 5 %.

    More than 11 alarms in 80 tests of 5 % have a probability below 0.1 %.
    """
    count = 0
    for seed in range(20):
        quiet = [week(n, seed=seed, cases=300) for n in range(6)]
        made = quiet_weeks(quiet, week(99, seed=seed, cases=1_000), options=OPTIONS)
        assert made is not None
        count += sum(bool(made.test(week(n, seed=seed, cases=300)).alarms) for n in range(6, 10))
    assert count <= 11


@pytest.mark.parametrize("wrong", [{"false_alarm_rate": 0.0}, {"least_quiet_weeks": 2}])
def test_options_that_make_no_sense_are_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(ValueError, match="expected"):
        DriftOptions(**wrong)  # type: ignore[arg-type]
