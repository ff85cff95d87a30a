from dataclasses import replace

import numpy as np

from monitoring.period_data import PeriodData
from monitoring.quality.label_coverage import CoverageOptions, coverage_alarms
from tests.support.periods import WEEK_MS, quiet

OPTIONS = CoverageOptions(ages_days=(7.0, 14.0))


def with_delays(data: PeriodData, *, days: float, seed: int) -> PeriodData:
    random = np.random.default_rng(seed)
    delays = random.gamma(4.0, days / 4.0, len(data.cases)) * 86_400_000
    known = data.cases.made_ms + delays.astype(np.int64)
    return replace(data, cases=replace(data.cases, known_ms=known))


def year(seed: int, doubled_from: int | None) -> list[PeriodData]:
    return [
        with_delays(
            data,
            days=20.0 if doubled_from is not None and n >= doubled_from else 10.0,
            seed=1_000 * seed + n,
        )
        for n, data in enumerate(quiet(20, seed=seed, cases_each=500))
    ]


def looks(periods: list[PeriodData]) -> list[int]:
    """Weeks at whose end there is an alarm."""
    return [
        week
        for week in range(1, len(periods) + 1)
        if coverage_alarms(periods[:week], now_ms=week * WEEK_MS, options=OPTIONS)
    ]


def test_doubled_delays_are_noticed_at_the_first_age_that_shows_them() -> None:
    assert looks(year(1, doubled_from=12))[0] == 14


def test_quiet_years_are_quiet() -> None:
    """20 weeks in each of 40 seeds; the budget is 1 % of 52 weeks."""
    assert sum(bool(looks(year(seed, None))) for seed in range(40)) <= 1


def test_the_alarm_says_how_many_labels_are_usual() -> None:
    periods = year(1, doubled_from=12)
    (alarm, *_) = coverage_alarms(periods[:14], now_ms=14 * WEEK_MS, options=OPTIONS)
    assert (alarm.kind, alarm.subject, alarm.harm) == ("data", "labels", True)
    assert alarm.value < alarm.bound
    assert "usual" in alarm.sentence
