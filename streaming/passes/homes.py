"""Events outside a home that the key does not tell: the first partition seen counts."""

from typing import Protocol

import numpy as np

from features.events.decode import Events, Records, at_home
from features.events.partitioners import Placement
from features.fold.fold import distinct
from features.fold.state import StateCodec
from features.fold.state_errors import DefinitionsChanged, StateFormatError
from stores.hbase.stamps import stamp
from stores.records.homes import UNKNOWN, Homes, HomeTable
from streaming.passes.states_below import unreadable
from streaming.passes.table import PassTable

_MOST_REMEMBERED = 1_000_000


class HomeRule(Protocol):
    """Refuses the valid events of a batch that lie outside their home."""

    def at_home(self, events: Events, records: Records, placement: Placement) -> Events:
        """`events` with those outside their home as refusals."""
        ...


class ComputedHomes:
    """For topics whose declared partitioner tells every home: the decoder has refused the rest."""

    def at_home(self, events: Events, records: Records, placement: Placement) -> Events:
        """`events` as they are."""
        return events


class ClaimedHomes:
    """Homes written down in the store, the first partition that has a valid event of a key.

    Where an entity has a state of the same epoch but no written home (an epoch that began before
    homes were written down), the state's partition is its home.
    """

    def __init__(
        self, homes: HomeTable, table: PassTable, codec: StateCodec, *, epoch: int
    ) -> None:
        self._homes = homes
        self._table = table
        self._codec = codec
        self._epoch = epoch
        self._known: dict[str, int] = {}

    def at_home(self, events: Events, records: Records, placement: Placement) -> Events:
        """`events` with those outside their home as refusals; raises a `Refused`."""
        if placement.layout.is_computed:
            return events
        entities = distinct(events.entities)
        homes = self._of(entities.ids, partition=placement.partition)
        return at_home(events, records, placement, homes[entities.rows])

    def _of(self, ids: list[str], *, partition: int) -> Homes:
        found = np.array([self._known.get(record_id, UNKNOWN) for record_id in ids], dtype=np.int64)
        unread = np.flatnonzero(found == UNKNOWN)
        if len(unread):
            asked = [ids[row] for row in unread.tolist()]
            found[unread] = self._homes.read(asked, epoch=self._epoch)
        unclaimed = np.flatnonzero(found == UNKNOWN)
        if len(unclaimed):
            asked = [ids[row] for row in unclaimed.tolist()]
            wanted = self._seen_before(asked, otherwise=partition)
            found[unclaimed] = self._homes.claim(asked, wanted, epoch=self._epoch)
        if len(self._known) > _MOST_REMEMBERED:
            self._known.clear()
        self._known.update(zip(ids, found.tolist(), strict=True))
        return found

    def _seen_before(self, ids: list[str], *, otherwise: int) -> Homes:
        """The partition of each entity's state where it belongs to this epoch."""
        try:
            states = self._codec.decode(self._table.newest(ids))
        except (DefinitionsChanged, StateFormatError) as error:
            raise unreadable(self._homes.scenario, error) from error
        in_epoch = states.last_stamp >= stamp(self._epoch, 0)
        return np.where(in_epoch, states.partition, otherwise).astype(np.int64)
