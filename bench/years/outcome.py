"""What became of an event over many seeds."""

from collections import Counter
from collections.abc import Sequence

import msgspec
import numpy as np

from bench.years.events import Event
from bench.years.notices import Notice
from monitoring.simulation.world import EVENT_WEEK, HISTORY_WEEKS


class Outcome(msgspec.Struct, frozen=True, kw_only=True):
    """One event as one detector saw it.

    years        how many were played
    found        share with an alarm from the event on; of harmless events such an alarm is false
    false_before share with an alarm in the weeks of the year before the event (of harmless
                 events: in the whole year, as nothing in it is worth one)
    median_weeks from the beginning of the event to the end of the week of its first alarm
    parts        by which part of the monitoring the first alarm came, and in how many years
    """

    scenario: str
    event: str
    detector: str
    years: int
    found: float
    false_before: float
    median_weeks: float | None
    parts: dict[str, int]


def outcome(
    scenario: str, event: Event, detector: str, years: Sequence[Sequence[Notice]]
) -> Outcome:
    """Of the alarms that count in each year."""
    firsts: list[Notice] = []
    early = 0
    for notices in years:
        after = [n for n in notices if n.week >= EVENT_WEEK]
        before = [n for n in notices if HISTORY_WEEKS <= n.week < EVENT_WEEK]
        early += bool(before or (after and event.nature == "harmless"))
        if after:
            firsts.append(min(after, key=lambda notice: notice.week))
    delays = [notice.week - EVENT_WEEK + 1 for notice in firsts]
    return Outcome(
        scenario=scenario,
        event=event.name,
        detector=detector,
        years=len(years),
        found=len(firsts) / len(years),
        false_before=early / len(years),
        median_weeks=float(np.median(delays)) if delays else None,
        parts=dict(Counter(notice.part for notice in firsts).most_common()),
    )
