"""HBase's clock as processes read it: never ahead of it, and not far behind."""

from dataclasses import dataclass
from typing import Any, cast

from stores.hbase.connection import Session
from stores.records.review_cases import StoreClock

HOUR_MS = 3_600_000


@dataclass
class SlowStore:
    """A store whose clock is an hour ahead; a call takes `way` seconds there and as many back."""

    seconds: float = 1_000.0
    way: float = 0.0
    calls: int = 0

    def monotonic(self) -> float:
        return self.seconds

    @property
    def true_ms(self) -> float:
        return self.seconds * 1000 + HOUR_MS

    def call(self, action: Any) -> int:
        self.calls += 1
        self.seconds += self.way
        stamp = int(self.true_ms)
        self.seconds += self.way
        return stamp


def behind_ms(store: SlowStore, clock: StoreClock) -> float:
    read_ms = clock.now_ms(cast(Session, store), "tiny")
    return store.true_ms - read_ms


def test_clock_is_behind_by_the_quickest_answer_at_most_and_asked_seldom() -> None:
    store = SlowStore(way=0.004)
    clock = StoreClock(store.monotonic)
    assert 3.0 <= behind_ms(store, clock) <= 6.0
    assert store.calls == 3
    store.way = 0.5  # a busy store does not move it
    for _ in range(5):
        store.seconds += 9.0
        assert 3.0 <= behind_ms(store, clock) <= 6.0
    assert store.calls < 9
    store.way = 0.001
    store.seconds += 11.0
    assert 0.0 <= behind_ms(store, clock) <= 3.0


def test_an_old_answer_is_replaced_by_a_slower_one() -> None:
    store = SlowStore(way=0.001)
    clock = StoreClock(store.monotonic)
    assert behind_ms(store, clock) <= 3.0
    store.way = 0.1
    store.seconds += 61.0
    assert 99.0 <= behind_ms(store, clock) <= 102.0
