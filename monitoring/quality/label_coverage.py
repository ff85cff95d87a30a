"""Labels that arrive later, or fewer, than they used to."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from monitoring.cases import DAY_MS, Floats
from monitoring.period_data import PeriodData
from monitoring.period_report import Alarm

# Bounds are of a normal distribution, the periods' own scatter included.
_LEAST_PERIODS = 4


@dataclass(frozen=True, kw_only=True)
class CoverageOptions:
    """How late labels are noticed.

    ages_days   ages of a period's end at which its labels are counted
    budget      probability of a false alarm in a year of looks, shared by ages and periods
    looks       periods in that year
    least_fall  share of the usual labels that must be missing
    """

    ages_days: tuple[float, ...]
    budget: float = 0.01
    looks: int = 52
    least_fall: float = 0.1


def coverage_alarms(
    periods: Sequence[PeriodData],
    *,
    now_ms: int,
    options: CoverageOptions,
    shares: Floats | None = None,
) -> tuple[Alarm, ...]:
    """An alarm for each period that newly reached an age with too few labels, at `now_ms`.

    periods: oldest first; known are the labels that had arrived by `now_ms`. A period is compared
    with the earlier ones at the same age; at least four of them are needed. Each alarm is
    about one age, and is the newest period's that has reached it.
    shares: what `labelled_shares` gives for these periods and perhaps later ones; for several looks
    """
    if shares is None:
        shares = labelled_shares(periods, options=options)
    alarms = []
    for age, at_age in zip(options.ages_days, shares, strict=True):
        length = int(age * DAY_MS)
        reached = [data for data in periods if data.period.end_ms + length <= now_ms]
        if len(reached) > _LEAST_PERIODS:
            alarm = _alarm(at_age[: len(reached)], reached[-1], age, options)
            if alarm is not None:
                alarms.append(alarm)
    return tuple(alarms)


def labelled_shares(periods: Sequence[PeriodData], *, options: CoverageOptions) -> Floats:
    """Shares of the cases whose label had come at each age, float64 (ages, periods).

    Only that of a period that has reached the age is meant: others count labels to come.
    """
    return np.array(
        [
            [
                (data.cases.known_ms <= data.period.end_ms + int(age * DAY_MS)).mean()
                for data in periods
            ]
            for age in options.ages_days
        ]
    )


def _alarm(shares: Floats, data: PeriodData, age: float, options: CoverageOptions) -> Alarm | None:
    from scipy.stats import t

    share, before = float(shares[-1]), shares[:-1]
    # The median: periods that were late already must not become the usual.
    usual = float(np.median(before))
    count = max(len(data.cases), 1)
    chance = usual * (1.0 - usual) / count
    scatter = (1.4826 * float(np.median(np.abs(before - usual)))) ** 2
    deviation = math.sqrt(max(chance, scatter) * (1.0 + 1.0 / len(before)) + 0.25 / count**2)
    tail = options.budget / (options.looks * len(options.ages_days))
    bound = usual - max(
        float(t.isf(tail, df=max(len(before) - 1, 1))) * deviation, options.least_fall * usual
    )
    if share >= bound:
        return None
    return Alarm(
        kind="data",
        subject="labels",
        value=share,
        bound=bound,
        sentence=(
            f"{age:g} days after its end, labels of {share:.1%} of period {data.period.number} had "
            f"arrived; usual are {usual:.1%}, and less than {bound:.1%} is no chance."
        ),
        harm=True,
        false_alarm_rate=options.budget,
    )
