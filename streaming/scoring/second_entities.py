"""Features of second entities, read for a batch of the scenario's own events, never written."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt

from features.events.decode import Events
from features.fold.fold import Folded
from features.fold.readout import features_as_of
from features.fold.state_errors import DefinitionsChanged, StateFormatError
from scenarios.contract.keyed import KeyedEntity, keyed_entities
from scenarios.contract.scenario import Scenario
from stores.hbase.connection import Session
from stores.hbase.states import StateTable
from streaming.passes.states_below import unreadable

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

_ENTITIES_PER_READ = 4_000


class NewestStates(Protocol):
    """Where states of one second entity lie, such as a `StateTable`."""

    def newest(self, entities: Sequence[str]) -> list[bytes | None]:
        """For each entity its newest state of all, or None."""


def second_entity_reader(scenario: Scenario, session: Session) -> "SecondEntityReader":
    """A reader of all second entities of `scenario` over `session`."""
    tables = [StateTable(session, keyed.name) for keyed in keyed_entities(scenario)]
    return SecondEntityReader(scenario, tables)


@dataclass(frozen=True)
class LookedUp:
    """features float64 (n, k); unknown: events whose second entity has no state yet."""

    features: Floats
    unknown: int


class SecondEntityReader:
    """Reads the second entities of one scenario; without any, it reads nothing."""

    def __init__(self, scenario: Scenario, tables: Sequence[NewestStates]) -> None:
        self._columns = scenario.schema.columns
        pairs = zip(keyed_entities(scenario), tables, strict=True)
        self._parts = [_Part(keyed, table) for keyed, table in pairs]

    def features(self, values: Floats, as_of_ms: Ints) -> "LookedUp":
        """Features of n events: every second entity's, in declared order.

        values (n, f): the events' columns in the scenario's schema; as_of_ms int64 (n,): the time
        that each event's own features refer to. Later events of a second entity are left out. The
        newest states are read, one call per entity kind: events not folded yet are missing. An
        event that names none, or one without a state, gets empty windows (counts are 0, the rest
        is missing). Raises `StoreDown`, or `StateUnreadable` for states of other definitions.
        """
        blocks, unknown_events = [np.empty((len(values), 0))], 0
        for part in self._parts:
            block, unknown = part.read(values[:, self._columns[part.key_field]], as_of_ms)
            blocks.append(block)
            unknown_events += unknown
        return LookedUp(np.hstack(blocks), unknown_events)


def case_features(folded: Folded, events: Events, second: SecondEntityReader) -> LookedUp:
    """The whole feature rows (n, k) of folded events: their own features, then second entities'.

    Raises what `SecondEntityReader.features` raises.
    """
    looked_up = second.features(events.values, folded.as_of_ms)
    if not looked_up.features.shape[1]:
        return LookedUp(folded.features, looked_up.unknown)
    return LookedUp(np.hstack([folded.features, looked_up.features]), looked_up.unknown)


@dataclass(frozen=True)
class _Part:
    keyed: KeyedEntity
    table: NewestStates

    @property
    def key_field(self) -> str:
        return self.keyed.entity.key_field

    def read(self, keys: Floats, as_of_ms: Ints) -> tuple[Floats, int]:
        """Features (n, k) of the entities `keys` (NaN: none), and how many events name unknowns."""
        is_named = ~np.isnan(keys)
        numbers, number_rows = np.unique(keys[is_named], return_inverse=True)
        row_of = np.full(len(keys), -1, dtype=np.int64)  # none: an empty state
        row_of[is_named] = number_rows
        at_ms = np.ascontiguousarray(as_of_ms, dtype=np.int64)
        features = np.empty((len(keys), len(self.keyed.plan.feature_names)))
        self._fill([None], np.flatnonzero(~is_named), row_of + 1, at_ms, features)
        unknown = 0
        # In chunks: the states of all entities together may be gigabytes.
        for begin in range(0, len(numbers), _ENTITIES_PER_READ):
            chunk = numbers[begin : begin + _ENTITIES_PER_READ]
            cells = self.table.newest([str(int(number)) for number in chunk.tolist()])
            events = np.flatnonzero((row_of >= begin) & (row_of < begin + len(chunk)))
            unknown += self._fill(cells, events, row_of - begin, at_ms, features)
        return features, unknown

    def _fill(
        self,
        cells: Sequence[bytes | None],
        events: Ints,
        row_of: Ints,
        at_ms: Ints,
        features: Floats,
    ) -> int:
        """Write the features of `events`, whose states are the `row_of` of `cells`.

        Returns how many events name an entity without a state.
        """
        if not len(events):
            return 0
        try:
            states = self.keyed.codec.decode(cells)
        except (DefinitionsChanged, StateFormatError) as error:
            raise unreadable(self.keyed.name, error) from error
        rows = np.ascontiguousarray(row_of[events])
        features[events] = features_as_of(self.keyed.plan, states, rows, at_ms[events])
        is_unknown = np.array([cell is None for cell in cells])
        return int(is_unknown[rows].sum())
