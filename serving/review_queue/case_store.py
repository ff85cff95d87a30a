"""What the queue needs of a store of cases; `stores.records.review_cases.CaseTable` is the one."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from typing import Protocol

from serving.sessions import SessionPool
from stores.records.review_cases import (
    CaseTable,
    ReviewCase,
    StoreClock,
    StoredCase,
    TopicPosition,
)


class CaseStore(Protocol):
    """Cases of one scenario, see `CaseTable`; tests/contracts.py holds what each must do."""

    def now_ms(self) -> int:
        """The store's time in UTC epoch ms; it alone decides when a claim ends."""
        ...

    def unfinished(self) -> list[StoredCase]:
        """The cases with which something is left to do."""
        ...

    def read(self, ids: Sequence[str]) -> dict[str, StoredCase]:
        """Id → case, of those that exist."""
        ...

    def all(self) -> Iterator[ReviewCase]:
        """Every case there ever was, by id."""
        ...

    def add(self, cases: Sequence[ReviewCase]) -> int:
        """Store the new ones of `cases`; returns how many these are."""
        ...

    def replace(self, before: StoredCase, after: ReviewCase) -> StoredCase | None:
        """Write `after` where `before` stands; None: it does not stand there."""
        ...

    def reopen(self, before: StoredCase, after: ReviewCase) -> StoredCase | None:
        """`replace` of a case that may be finished."""
        ...

    def finish(self) -> int:
        """Leave finished cases out of `unfinished`; returns how many there were."""
        ...

    def delete(self, ids: Sequence[str]) -> None:
        """Delete these cases for good."""
        ...

    def position(self, *, of_letters: bool = False) -> TopicPosition | None:
        """How far the topic of cases, or that of dead letters, was read."""
        ...

    def write_position(self, position: TopicPosition, *, of_letters: bool = False) -> None:
        """Store how far it was read."""
        ...


# Opens the store for a block; each thread opens its own.
OpenStore = Callable[[], AbstractContextManager[CaseStore]]


def cases_in_hbase(pool: SessionPool, scenario: str) -> OpenStore:
    """The cases of `scenario`, over sessions of `pool`."""
    clock = StoreClock()

    @contextmanager
    def opened() -> Iterator[CaseStore]:
        with pool.session() as session:
            yield CaseTable(session, scenario, clock)

    return opened
