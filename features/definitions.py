"""The kinds of feature a scenario can declare; each is one small value without behaviour.

Every feature reads events of the types in `on`, in offset order, optionally only those whose
category field has one value (`where=("reason", "complaint")`). At an event, features are read as
of the later of its own event time and the latest event time seen, so time never runs backwards.

Windows are exact: at time t a window of d days holds the events dated in (t - d, t], whatever the
order they came in. They work on a buffer of the entity's recent events; see
`features/fold/windows.py` for what happens at its bound.
"""

from dataclasses import dataclass

Where = tuple[str, str]


@dataclass(frozen=True, kw_only=True)
class _OnEvents:
    name: str
    on: tuple[str, ...]
    where: Where | None = None
    words: str = ""


@dataclass(frozen=True, kw_only=True)
class _OnField(_OnEvents):
    field: str


@dataclass(frozen=True, kw_only=True)
class LastValue(_OnField):
    """The most recent value of `field` (a number, or a category's code); missing before any."""


@dataclass(frozen=True, kw_only=True)
class Count(_OnEvents):
    """How many events there were; 0 before any."""


@dataclass(frozen=True, kw_only=True)
class Sum(_OnField):
    """Sum of `field`; 0 before any."""


@dataclass(frozen=True, kw_only=True)
class Mean(_OnField):
    """Mean of `field`; missing before any."""


@dataclass(frozen=True, kw_only=True)
class Min(_OnField):
    """Smallest value of `field`; missing before any."""


@dataclass(frozen=True, kw_only=True)
class Max(_OnField):
    """Largest value of `field`; missing before any."""


@dataclass(frozen=True, kw_only=True)
class DaysSince(_OnEvents):
    """Days from the latest event time of such an event to now; missing before any."""


@dataclass(frozen=True, kw_only=True)
class DecayedCount(_OnEvents):
    """Count in which an event that is `half_life_days` old weighs one half.

    Exact for events in any order: the sum of 2 ** (-age / half_life) over all events.
    """

    half_life_days: float


@dataclass(frozen=True, kw_only=True)
class DecayedSum(_OnField):
    """Sum of `field` in which an event that is `half_life_days` old weighs one half."""

    half_life_days: float


@dataclass(frozen=True, kw_only=True)
class Level:
    """A level that one event type states and others move, such as a balance or a tenure.

    `stated_by` is (event type, field); `moved_by` lists (event type, field) whose value is added,
    or (event type, None) which adds 1. Missing until stated or moved; moves start from 0.
    """

    name: str
    stated_by: tuple[str, str]
    moved_by: tuple[tuple[str, str | None], ...]
    words: str = ""


@dataclass(frozen=True, kw_only=True)
class _Windowed(_OnEvents):
    """`with_current=False` leaves the event out at which the window is read."""

    days: float
    with_current: bool = True


@dataclass(frozen=True, kw_only=True)
class _WindowedField(_Windowed):
    field: str


@dataclass(frozen=True, kw_only=True)
class WindowCount(_Windowed):
    """How many events the window holds; 0 when none."""


@dataclass(frozen=True, kw_only=True)
class WindowSum(_WindowedField):
    """Sum of `field` over the window; 0 when it holds none."""


@dataclass(frozen=True, kw_only=True)
class WindowMean(_WindowedField):
    """Mean of `field` over the window; missing when it holds none."""


@dataclass(frozen=True, kw_only=True)
class WindowStd(_WindowedField):
    """Sample standard deviation (divisor n - 1) of `field`; missing below two values."""


@dataclass(frozen=True, kw_only=True)
class WindowMin(_WindowedField):
    """Smallest value of `field` in the window; missing when it holds none."""


@dataclass(frozen=True, kw_only=True)
class WindowMax(_WindowedField):
    """Largest value of `field` in the window; missing when it holds none."""


@dataclass(frozen=True, kw_only=True)
class WindowDistinct(_WindowedField):
    """How many different values of `field` the window holds; 0 when none."""


@dataclass(frozen=True, kw_only=True)
class RatioToMean(_OnField):
    """This event's value of `field` by the mean of the window without it.

    Missing where that mean is missing or 0, and at events of other types.
    """

    days: float


@dataclass(frozen=True, kw_only=True)
class ZScore(_OnField):
    """How many standard deviations this event's value lies above the mean of the window without it.

    Missing where that deviation is missing or 0, and at events of other types.
    """

    days: float


@dataclass(frozen=True, kw_only=True)
class DaysSincePrevious(_OnEvents):
    """Days from the previous such event to the latest; 0 if it came late, missing at the first."""


@dataclass(frozen=True, kw_only=True)
class _OfTheClock:
    name: str
    words: str = ""


@dataclass(frozen=True, kw_only=True)
class HourOfDay(_OfTheClock):
    """Hour of the event's own time, 0 to 23, UTC."""


@dataclass(frozen=True, kw_only=True)
class IsWeekend(_OfTheClock):
    """1 when the event's own time is a Saturday or Sunday in UTC, else 0."""


@dataclass(frozen=True, kw_only=True)
class IsBetweenHours(_OfTheClock):
    """1 when the hour of the event's own time (UTC) lies in [from_hour, before_hour), else 0.

    A `before_hour` at or below `from_hour` means the next day's: from 22 before 6 is the night.
    """

    from_hour: int
    before_hour: int


WindowFeature = _Windowed | RatioToMean | ZScore
ClockFeature = _OfTheClock
Feature = _OnEvents | Level | ClockFeature
