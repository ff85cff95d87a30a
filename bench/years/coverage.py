"""How often the interval of estimated quality holds what is measured later."""

from collections.abc import Iterator
from dataclasses import dataclass, replace

from bench.years.notices import measures_control
from monitoring.estimate.assumptions import EstimateOptions
from monitoring.estimate.estimated_quality import estimated_quality
from monitoring.period_data import PeriodData
from monitoring.quality.measurements import quality
from monitoring.quality.options import QualityOptions
from monitoring.simulation.world import HISTORY_WEEKS, WEEKS, World, Year, mature

_EVERY_WEEKS = 8


@dataclass(frozen=True, kw_only=True)
class Window:
    """One estimate of one metric in one week, and whether it held; None: it was not given.

    error: measured less estimated
    """

    week: int
    metric: str
    is_held: bool | None
    error: float | None
    reason: str


def windows(played: Year, *, draws: int = 100) -> Iterator[Window]:
    """Estimates at the end of every eighth week, beside what its mature labels say."""
    world = played.world
    options = EstimateOptions(quality=quality_options(world), draws=draws)
    known = mature(played.periods, world)
    for week in range(HISTORY_WEEKS, WEEKS, _EVERY_WEEKS):
        # Those whose labels are all there at the end of this week.
        before = known[: week + 1 - world.maturity_weeks]
        # Slices are left out: they take time and are not looked at.
        current = _without_slices(played.periods[week])
        estimated = estimated_quality(current, before, options=options)
        later = _without_slices(known[week]).cases
        measured = {
            m.metric: m.interval.value
            for m in quality(later, maturity="mature", options=options.quality)
        }
        for estimate in estimated:
            value, interval = measured[estimate.metric], estimate.interval
            low, middle, high = interval.low, interval.value, interval.high
            is_held = error = None
            if value is not None and low is not None and middle is not None and high is not None:
                is_held, error = low <= value <= high, value - middle
            yield Window(
                week=week,
                metric=estimate.metric,
                is_held=is_held,
                error=error,
                reason=estimate.reason,
            )


def _without_slices(data: PeriodData) -> PeriodData:
    return replace(data, cases=replace(data.cases, slices={}))


def quality_options(world: World) -> QualityOptions:
    """How quality is measured in a year on paper."""
    return QualityOptions(
        is_control_only=measures_control(world),
        missed_cost=100.0,
        false_alarm_cost=10.0,
        bootstrap_rounds=20,  # the intervals of what is measured are not looked at here
    )
