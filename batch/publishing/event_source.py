"""What a scenario's package offers to those who publish its events."""

from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from pathlib import Path
from typing import Protocol, runtime_checkable

from scenarios.contract.loading import provided


class NoEventSource(ValueError):
    """The scenario's package has no module `source` with an `open_source`."""

    exit_code = 2


class Record(Protocol):
    """A record to publish; keys and values are the bytes as sent."""

    @property
    def topic_kind(self) -> str:
        """The scenario's topic: "events", "labels" or "outcomes"."""

    @property
    def kind(self) -> str:
        """The event type, or the reason for which a bad event will be refused."""

    @property
    def key(self) -> bytes | None:
        """The record's key."""

    @property
    def value(self) -> bytes | None:
        """The record's value."""

    @property
    def is_bad(self) -> bool:
        """Whether it is meant to be refused."""


@runtime_checkable
class EventSource(Protocol):
    """Published history, and simulated events that follow it."""

    def history(self, *, with_labels: bool) -> Sequence[Record]:
        """Everything known so far; the same bytes every time."""

    def follow_ups(
        self, *, seed: int, now: Callable[[], datetime], bad_share: float, too_large_bytes: int
    ) -> Iterable[Record]:
        """Endless seeded events dated by `now`; `bad_share` (0 to 1) of them are refusable."""


def load_source(
    scenario: str, module: str, *, file: Path | None = None, limit: int | None = None
) -> EventSource:
    """What `open_source(file, limit)` of the module `source` beside the scenario's `module` gives.

    For example scenarios.churn.source for scenarios.churn.scenario. `file` replaces the scenario's
    own data file, `limit` takes only its first entities. Raises `NoEventSource`.
    """
    name = f"{module.rpartition('.')[0]}.source"
    open_source = provided(name, "open_source")
    if open_source is None:
        raise NoEventSource(f"scenario {scenario!r} has no {name}.open_source")
    source = open_source(file, limit)
    if not isinstance(source, EventSource):
        raise NoEventSource(f"{name}.open_source gives {source!r:.80}, not an EventSource")
    return source
