"""What score-now reads of HBase: the entity's own state, and those of second entities."""

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from typing import Protocol

from scenarios.contract.scenario import Scenario
from serving.sessions import SessionPool
from stores.hbase.connection import Session
from stores.hbase.states import StateTable
from stores.records.erasures import ErasuresInUse, ErasureTable
from streaming.passes.erased import Erasures, TableWithoutErased
from streaming.scoring.second_entities import (
    NewestStates,
    SecondEntityReader,
    second_entity_reader,
)

# As often as a worker of the stream looks.
_ERASURES_SECONDS = 1.0


@dataclass(frozen=True)
class StoredStates:
    """States as they are now.

    own     of the scenario's entities
    second  of the entities that its events touch besides
    """

    own: NewestStates
    second: SecondEntityReader


class States(Protocol):
    """Opens what is stored for the length of one request."""

    def open(self) -> AbstractContextManager[StoredStates]:
        """The states, for one thread."""
        ...


@dataclass(frozen=True)
class StatesInStore:
    """States of one scenario in HBase; those of erased entities are not seen."""

    pool: SessionPool
    scenario: Scenario
    erasures: Erasures

    @contextmanager
    def open(self) -> Iterator[StoredStates]:
        """Over a session of the pool; raises `StoreDown` or `TableMissing`."""
        self.erasures.current()
        with self.pool.session() as session:
            table = StateTable(session, self.scenario.name)
            own = TableWithoutErased(table, self.erasures, self.scenario.codec)
            yield StoredStates(own, second_entity_reader(self.scenario, session))


def states_in_store(pool: SessionPool, scenario: Scenario) -> StatesInStore:
    """The states of `scenario`; its erasures are looked up over a session of their own."""
    session = Session(pool.store, retry_seconds=pool.retry_seconds)
    erasures = ErasuresInUse(ErasureTable(session, scenario.name), _ERASURES_SECONDS)
    return StatesInStore(pool, scenario, erasures)
