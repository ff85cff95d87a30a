"""What the monitoring notices in a year, and in which week: alarms, and verdicts beside them."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from lifecycle.challenge.confidence_sequence import (
    LEAST_VALUES,
    arm_differences,
    estimate,
    tightest_rho,
)
from monitoring.cases import Cases, Floats
from monitoring.drift.alarms import quiet_weeks
from monitoring.drift.options import DriftOptions
from monitoring.estimate.budget import AlarmBudget
from monitoring.period_data import PeriodData
from monitoring.period_report import Alarm
from monitoring.quality.label_coverage import (
    CoverageOptions,
    coverage_alarms,
    labelled_shares,
)
from monitoring.quality.options import QualityOptions
from monitoring.simulation.world import HISTORY_WEEKS, WEEK_MS, WEEKS, World, Year, mature
from monitoring.watching import REFERENCE_PERIODS, Watch, loss_alarms

_TIGHTEST_AT = 10_000
_DRIFT_ROWS = 300


@dataclass(frozen=True, kw_only=True)
class Notice:
    """Something noticed in a week, at its end; harm: as the alarm says; part: of the monitoring."""

    week: int
    part: str
    subject: str
    harm: bool


@dataclass(frozen=True, kw_only=True)
class RaisedAlarm:
    """An alarm about a period that was raised at the end of a week; part: of the monitoring."""

    week: int
    period: int
    part: str
    alarm: Alarm


def raised_alarms(played: Year) -> list[RaisedAlarm]:
    """All alarms of a year, as `monitor` would have them; none of experiments and offers."""
    return [
        *_loss_alarms(mature_cohorts(played), played.world),
        *_label_alarms(played),
        *_data_alarms(played),
    ]


def notices(played: Year, raised: Sequence[RaisedAlarm]) -> list[Notice]:
    """Everything that is noticed, by week; what goes on is there in each of its weeks.

    raised: what `raised_alarms` gives for the year
    """
    world, known = played.world, mature_cohorts(played)
    everything = [
        *(
            Notice(week=r.week, part=r.part, subject=r.alarm.subject, harm=r.alarm.harm)
            for r in raised
        ),
        *_shadow_notices(known, played),
        *(_offer_notices(known, world) if world.control_share else ()),
    ]
    return sorted(everything, key=lambda notice: notice.week)


def mature_cohorts(played: Year) -> list[PeriodData]:
    """The weeks that are mature by the end of the last one, as they are seen then."""
    world = played.world
    return mature(played.periods[: WEEKS - world.maturity_weeks], world)


def measures_control(world: World) -> bool:
    """Whether quality is measured on the control group."""
    return world.control_share > 0.0


def _loss_alarms(known: Sequence[PeriodData], world: World) -> Iterator[RaisedAlarm]:
    watch = Watch(
        has_rare_positives=world.has_rare_positives,
        quality=QualityOptions(is_control_only=measures_control(world)),
        tolerated_rise=world.tolerated_rise,
    )
    for number, alarm in loss_alarms(
        known, risk=watch.risk, slices=watch.slices, reference_periods=REFERENCE_PERIODS
    ):
        yield _raised(number, alarm.kind, alarm, after=world.maturity_weeks)


def _label_alarms(played: Year) -> Iterator[RaisedAlarm]:
    options = CoverageOptions(ages_days=played.world.ages_days, budget=AlarmBudget().labels)
    shares = labelled_shares(played.periods, options=options)
    for week in range(HISTORY_WEEKS, WEEKS):
        now_ms, ended = (week + 1) * WEEK_MS, played.periods[: week + 1]
        for alarm in coverage_alarms(ended, now_ms=now_ms, options=options, shares=shares):
            yield _raised(week, "labels", alarm)


def _data_alarms(played: Year) -> Iterator[RaisedAlarm]:
    """Drift and broken data, against the weeks before the year."""
    options = DriftOptions(
        categories=frozenset({"plan"}), most_rows=_DRIFT_ROWS, resamples=300, least_quiet_weeks=8
    )
    thresholds = quiet_weeks(played.periods[:HISTORY_WEEKS], None, options=options)
    if thresholds is None:
        return
    for data in played.periods[HISTORY_WEEKS:]:
        for alarm in thresholds.test(data).alarms:
            part = "data" if alarm.kind == "data" and alarm.harm else "drift"
            yield _raised(data.period.number, part, alarm)


def _shadow_notices(known: Sequence[PeriodData], played: Year) -> Iterator[Notice]:
    """The verdict on a shadow, looked at every week on pairs of mature Brier scores."""
    if "challenger" not in played.event:
        return
    rho = tightest_rho(_TIGHTEST_AT)
    differences: list[Floats] = []
    # The experiment begins with the shadow: before, its scores are the champion's.
    for data, scores in zip(known, played.shadow_scores, strict=False):
        cases = data.cases
        rows = cases.is_labelled & (cases.is_control | (not measures_control(played.world)))
        if not (scores != cases.scores).any():
            continue
        labels = cases.labels[rows]
        differences.append((scores[rows] - labels) ** 2 - (cases.scores[rows] - labels) ** 2)
        week = data.period.number + played.world.maturity_weeks
        yield from _verdict(np.concatenate(differences), rho, week, "shadow", ("better", "worse"))


def _offer_notices(known: Sequence[PeriodData], world: World) -> Iterator[Notice]:
    """The effect of the offer, every week, on mature labels of the cases whose band gets one."""
    rho = tightest_rho(_TIGHTEST_AT)
    parts: list[Cases] = []
    for data in known[HISTORY_WEEKS:]:
        cases = data.cases
        parts.append(cases.where((cases.bands == 2) & cases.is_labelled))
        labels = np.concatenate([part.labels for part in parts])
        acted_on = np.concatenate([~part.is_control for part in parts])
        if acted_on.any() and not acted_on.all():
            differences = arm_differences(labels, acted_on, 1.0 - world.control_share)
            week = data.period.number + world.maturity_weeks
            yield from _verdict(differences, rho, week, "offer", ("avoids", "harms"))


def _verdict(
    differences: Floats, rho: float, week: int, part: str, words: tuple[str, str]
) -> Iterator[Notice]:
    if len(differences) < LEAST_VALUES:
        return
    # 0.05 is the budget of an experiment; it is no part of the model's.
    interval = estimate(differences, rho=rho)
    if interval.high < 0.0:
        yield Notice(week=week, part=f"{part} {words[0]}", subject=part, harm=False)
    if interval.low > 0.0:
        yield Notice(week=week, part=f"{part} {words[1]}", subject=part, harm=False)


def _raised(period: int, part: str, alarm: Alarm, *, after: int = 0) -> RaisedAlarm:
    """after: weeks from the end of the period to the alarm."""
    return RaisedAlarm(week=period + after, period=period, part=part, alarm=alarm)
