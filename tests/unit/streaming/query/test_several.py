"""Queries that run together end together."""

from dataclasses import dataclass, field

import pytest

from streaming.query.several import RunningTogether, StartTogether


@dataclass
class Query:
    """The members of Spark's query that are used."""

    failure: Exception | None = None

    @property
    def isActive(self) -> bool:
        return self.failure is None

    def exception(self) -> Exception | None:
        return self.failure


@dataclass
class One:
    """A started query that remembers being stopped."""

    name: str
    stopped: list[str]
    query: Query = field(default_factory=Query)
    is_stuck: bool = False

    @property
    def queries(self) -> list[Query]:
        return [self.query]

    def reached(self) -> dict[tuple[str, int], int]:
        return {(self.name, 0): 7}

    def check(self) -> None:
        if self.name == "checked":
            raise ValueError("no longer right")

    def stop(self) -> None:
        self.stopped.append(self.name)
        if self.is_stuck:
            raise ConnectionError("cannot stop")


def test_one_failed_query_ends_all_and_its_failure_is_told() -> None:
    stopped: list[str] = []
    failing = One("b", stopped, Query(ValueError("broken")))
    running = RunningTogether([One("a", stopped), failing])
    assert not running.query.isActive
    assert str(running.query.exception()) == "broken"
    assert RunningTogether([One("a", stopped)]).query.isActive


def test_every_query_is_stopped_even_when_one_cannot_be() -> None:
    stopped: list[str] = []
    running = RunningTogether([One("a", stopped), One("b", stopped, is_stuck=True)])
    with pytest.raises(ConnectionError):
        running.stop()
    assert stopped == ["b", "a"]


def test_what_was_started_is_stopped_when_a_later_one_cannot_be_started() -> None:
    stopped: list[str] = []

    def fails() -> One:
        raise RuntimeError("no")

    with pytest.raises(RuntimeError, match="no"):
        StartTogether([lambda: One("a", stopped), fails])()
    assert stopped == ["a"]


def test_each_one_is_checked() -> None:
    with pytest.raises(ValueError, match="no longer right"):
        RunningTogether([One("a", []), One("checked", [])]).check()
