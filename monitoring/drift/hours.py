"""Changes in the counts of hours, which the counts of whole periods hide: ADWIN on each stream."""

from collections.abc import Sequence

import numpy as np

from monitoring.cases import HOUR_MS, Ints
from monitoring.drift.counts_stream import (
    MOST_SENSITIVE,
    CountChange,
    count_changes,
    sensitivity,
)
from monitoring.period_data import PeriodData
from monitoring.period_report import Alarm

_WEEK_HOURS = 168
# So many quiet weeks stand before the tested one in the stream that ADWIN sees.
_LEADING_WEEKS = 2
_LEAST_QUIET_WEEKS = 4


def hour_alarms(
    quiet: Sequence[PeriodData], current: PeriodData, *, rate: float, seed: int
) -> tuple[Alarm, ...]:
    """Where the counts per hour of `current` change for good within it, one alarm per stream.

    quiet  earlier weeks in which nothing happened
    rate   share of quiet weeks with any such alarm, of all streams together
    Only weeks are tested, since hours have the rhythm of the week; fewer than four quiet ones give
    no alarm. That something arrives more often or less often is no harm by itself.
    """
    streams = sorted(current.hourly_counts)
    weeks = [period for period in quiet if _is_week(period)]
    if not streams or not _is_week(current) or len(weeks) < _LEAST_QUIET_WEEKS:
        return ()
    alarms = []
    for name in streams:
        alarm = _alarm(name, weeks, current, rate=rate / len(streams), seed=seed)
        if alarm is not None:
            alarms.append(alarm)
    return tuple(alarms)


def _alarm(
    name: str, weeks: Sequence[PeriodData], current: PeriodData, *, rate: float, seed: int
) -> Alarm | None:
    nothing = np.zeros(_WEEK_HOURS, dtype=np.int64)
    usual = np.concatenate([week.hourly_counts.get(name, nothing) for week in weeks])
    stream = np.concatenate([usual[-_LEADING_WEEKS * _WEEK_HOURS :], current.hourly_counts[name]])
    if not _changes_in_last_week(stream, delta=MOST_SENSITIVE):
        return None  # hence none at any sensitivity, and that takes far longer to derive
    tuned = sensitivity(usual.tolist(), length=len(stream), rate=rate, seed=seed)
    changes = [] if tuned is None else _changes_in_last_week(stream, delta=tuned.delta)
    if tuned is None or not changes:
        return None
    change = changes[0]
    hour = change.begin - (len(stream) - _WEEK_HOURS)
    when = f"hour {hour} of the week" if hour >= 0 else "the end of the week before"
    return Alarm(
        kind="drift" if name == "events" else "data",
        subject=f"{name} per hour",
        value=change.after,
        bound=change.before,
        sentence=f"{name}: {change.before:,.1f} an hour before {when}, {change.after:,.1f} from "
        f"then on (ADWIN, delta {tuned.delta:g}, as sensitive as quiet weeks allow)",
        harm=False,
        false_alarm_rate=tuned.false_alarm_rate,
    )


def _changes_in_last_week(stream: Ints, *, delta: float) -> list[CountChange]:
    changes = count_changes(stream.tolist(), delta=delta)
    return [change for change in changes if change.index >= len(stream) - _WEEK_HOURS]


def _is_week(period: PeriodData) -> bool:
    hours = (period.period.end_ms - period.period.begin_ms) // HOUR_MS
    return hours == _WEEK_HOURS and bool(period.hourly_counts)
