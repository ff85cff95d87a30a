"""What the declared rules decide in a year, and in which week: the decisions of `monitor`.

The rules look at the end of every week at the newest periods. The version that scores stays the
same, as in `monitor --dry-run --from --to`: a retraining is taken to mend nothing.
"""

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace

import msgspec
import numpy as np

from bench.years.coverage import quality_options
from bench.years.events import Event
from bench.years.notices import RaisedAlarm, mature_cohorts
from monitoring.period_data import PeriodData
from monitoring.period_report import Alarm, Measurement, PeriodReport
from monitoring.quality.measurements import part_quality, quality
from monitoring.quality.options import QualityOptions
from monitoring.reporting import main_version
from monitoring.rules.rule import Rule
from monitoring.run import replayed
from monitoring.simulation.world import EVENT_WEEK, HISTORY_WEEKS, WEEK_MS, WEEKS, World, Year
from stores.records.decisions import DecisionRecord

DECISIONS = ("alert", "retrain, gates, promote", "roll back", "page a person")


@dataclass(frozen=True, kw_only=True)
class DeclaredRules:
    """The rules of a scenario as the settings declare them.

    periods: so many of the newest ones are looked at
    """

    rules: Sequence[Rule]
    failing_periods: int
    periods: int


@dataclass(frozen=True, kw_only=True)
class Decision:
    """What was decided at the end of a week, one of `DECISIONS`, and by which rule."""

    week: int
    decision: str
    rule: str


class Decided(msgspec.Struct, frozen=True, kw_only=True):
    """One kind of decision over the years of an event.

    share        of the years in which it was made from the event on
    before       of the years in which it was made before the event
    median_weeks from the beginning of the event to the end of the week of the first one
    rules        that made the first one, and in how many years
    """

    scenario: str
    event: str
    decision: str
    years: int
    share: float
    before: float
    median_weeks: float | None
    rules: dict[str, int]


def year_decisions(
    played: Year, raised: Sequence[RaisedAlarm], *, declared: DeclaredRules
) -> list[Decision]:
    """All decisions of a year, in order; raised: its alarms."""
    records = replayed(
        _looks(played, raised, declared.periods),
        declared.rules,
        [],
        [],
        failing_periods=declared.failing_periods,
    )
    return [
        Decision(
            week=record.decided_at_ms // WEEK_MS - 1, decision=_decision(record), rule=record.rule
        )
        for record in records
    ]


def decided(scenario: str, event: Event, years: Sequence[Sequence[Decision]]) -> list[Decided]:
    """What was decided in the years of an event; kinds that never were are left out."""
    rows = []
    for kind in DECISIONS:
        of_kind = [[made for made in year if made.decision == kind] for year in years]
        after = [[made for made in year if made.week >= EVENT_WEEK] for year in of_kind]
        firsts = [min(year, key=lambda made: made.week) for year in after if year]
        early = sum(any(made.week < EVENT_WEEK for made in year) for year in of_kind)
        if firsts or early:
            delays = [first.week - EVENT_WEEK + 1 for first in firsts]
            rows.append(
                Decided(
                    scenario=scenario,
                    event=event.name,
                    decision=kind,
                    years=len(years),
                    share=len(firsts) / len(years),
                    before=early / len(years),
                    median_weeks=float(np.median(delays)) if delays else None,
                    rules=dict(Counter(first.rule for first in firsts).most_common()),
                )
            )
    return rows


def _decision(record: DecisionRecord) -> str:
    """The kind of what was decided: the farthest reaching of its actions."""
    for action, kind in (
        ("roll_back", "roll back"),
        ("promote_champion", "retrain, gates, promote"),
        ("page_person", "page a person"),
    ):
        if action in record.actions:
            return kind
    return "alert"


def _looks(played: Year, raised: Sequence[RaisedAlarm], periods: int) -> list[list[PeriodReport]]:
    """The newest `periods` at the end of each week of the year, as they were known then.

    No alarm and no measurement changes when later periods come, so each is computed once.
    """
    alarms = defaultdict[int, list[RaisedAlarm]](list)
    for one in raised:
        alarms[one.period].append(one)
    measured = {
        data.period.number: _measurements(data, played.world) for data in mature_cohorts(played)
    }
    return [
        [
            _report(played, number, week, alarms[number], measured.get(number, ()))
            for number in range(max(week + 1 - periods, 0), week + 1)
        ]
        for week in range(HISTORY_WEEKS, WEEKS)
    ]


def _report(
    played: Year,
    number: int,
    week: int,
    raised: Sequence[RaisedAlarm],
    measured: tuple[Measurement, ...],
) -> PeriodReport:
    data, looked_at_ms = played.periods[number], (week + 1) * WEEK_MS
    maturity_ms = played.world.maturity_weeks * WEEK_MS
    is_mature = data.period.is_mature(looked_at_ms, maturity_ms=maturity_ms)
    return PeriodReport(
        scenario=played.world.name,
        number=number,
        begin_ms=data.period.begin_ms,
        end_ms=data.period.end_ms,
        looked_at_ms=looked_at_ms,
        is_mature=is_mature,
        version=main_version(data),
        measurements=measured if is_mature else (),
        alarms=_alarms_by(week, raised),
        counts={},
    )


def _alarms_by(week: int, raised: Sequence[RaisedAlarm]) -> tuple[Alarm, ...]:
    """Those that a look at the end of the week has; that of late labels is of one look only."""
    return tuple(
        one.alarm
        for one in raised
        if one.week == week or (one.week < week and one.part != "labels")
    )


def _measurements(data: PeriodData, world: World) -> tuple[Measurement, ...]:
    """The mature measures of a period that rules are about."""
    options = quality_options(world)
    return (
        *quality(data.cases, maturity="mature", options=_only(options, "auroc")),
        *part_quality(
            "", data.cases, maturity="mature", options=_only(options, "calibration_error")
        ),
    )


def _only(options: QualityOptions, metric: str) -> QualityOptions:
    return replace(options, metrics=frozenset({metric}))
