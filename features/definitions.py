"""The kinds of feature a scenario can declare; each is one small value without behaviour.

Every feature reads events of the types in `on`, in offset order, optionally only those whose
category field has one value (`where=("reason", "complaint")`). At an event, features are read as
of the later of its own event time and the latest event time seen, so time never runs backwards.
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


Feature = LastValue | Count | Sum | Mean | Min | Max | DaysSince | DecayedCount | DecayedSum | Level
