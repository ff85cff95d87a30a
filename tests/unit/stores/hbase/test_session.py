"""A broken connection is opened again and the call repeated; an error names an absent store."""

from dataclasses import dataclass, field
from typing import Any

import pytest
from thriftpy2.transport import TTransportException

from stores.hbase.connection import HBaseStore, Session, StoreDown, TableMissing


class Connection:
    """A connection that can be closed."""

    def close(self) -> None:
        """Nothing to close."""


@dataclass(frozen=True)
class FlakyStore(HBaseStore):
    """Connects only when `outcomes` says so."""

    outcomes: list[bool] = field(default_factory=list)

    def connect(self) -> Any:
        """A connection, or `StoreDown` as the real one raises it."""
        if self.outcomes and not self.outcomes.pop(0):
            raise StoreDown(self._down(OSError("refused")))
        return Connection()


@dataclass
class Clock:
    """Time that passes only by sleeping."""

    now: float = 0.0

    def sleep(self, seconds: float) -> None:
        """Let `seconds` pass."""
        self.now += max(seconds, 0.01)

    def read(self) -> float:
        """The present time in seconds."""
        return self.now


def session(outcomes: list[bool], *, retry_seconds: float = 60.0) -> Session:
    """A session over a store that connects as `outcomes` say."""
    clock = Clock()
    store = FlakyStore("hbase.example", 9090, outcomes=outcomes)
    return Session(store, retry_seconds=retry_seconds, sleep=clock.sleep, clock=clock.read)


def test_a_call_is_repeated_until_the_store_is_back() -> None:
    assert session([False, False, False, True]).call(lambda _: "answer") == "answer"


def test_a_connection_that_was_closed_while_idle_is_made_anew() -> None:
    answers = iter([TTransportException(message="closed"), "answer"])

    def action(_: Any) -> Any:
        answer = next(answers)
        if isinstance(answer, Exception):
            raise answer
        return answer

    assert session([True, True]).call(action) == "answer"


def test_a_store_that_stays_away_is_named_with_host_and_port() -> None:
    with pytest.raises(StoreDown, match=r"hbase.example:9090.*tried for 5 s"):
        session([False] * 1000, retry_seconds=5.0).call(lambda _: None)


def test_a_missing_table_is_not_waited_for() -> None:
    def action(_: Any) -> None:
        raise TTransportException(message="TableNotFoundException: everscore:churn")

    with pytest.raises(TableMissing, match="prepare_scenario"):
        session([True]).call(action)
