"""Events outside a home that the key does not determine: the first partition seen counts."""

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
    """For topics whose declared partitioner gives every home: the decoder has refused the rest."""

    def at_home(self, events: Events, records: Records, placement: Placement) -> Events:
        """`events` as they are."""
        return events


class ClaimedHomes:
    """Homes recorded in the store: the first partition that has a valid event of a key.

    Where an entity has a state of the same epoch but no recorded home (an epoch that began before
    homes were recorded), the state's partition is its home.
    """

    def __init__(
        self, homes: HomeTable, table: PassTable, codec: StateCodec, *, epoch: int
    ) -> None:
        self._homes = homes
        self._table = table
        self._codec = codec
        self._epoch = epoch
        self._homes_by_id: dict[str, int] = {}

    def at_home(self, events: Events, records: Records, placement: Placement) -> Events:
        """`events` with those outside their home as refusals; raises a `Refused`."""
        if placement.layout.is_computed:
            return events
        entities = distinct(events.entities)
        homes = self._of(entities.ids, partition=placement.partition)
        return at_home(events, records, placement, homes[entities.rows])

    def _of(self, ids: list[str], *, partition: int) -> Homes:
        homes = np.array(
            [self._homes_by_id.get(record_id, UNKNOWN) for record_id in ids], dtype=np.int64
        )
        unread = np.flatnonzero(homes == UNKNOWN)
        if len(unread):
            unread_ids = [ids[row] for row in unread.tolist()]
            homes[unread] = self._homes.read(unread_ids, epoch=self._epoch)
        unclaimed = np.flatnonzero(homes == UNKNOWN)
        if len(unclaimed):
            unclaimed_ids = [ids[row] for row in unclaimed.tolist()]
            claims = self._seen_before(unclaimed_ids, otherwise=partition)
            homes[unclaimed] = self._homes.claim(unclaimed_ids, claims, epoch=self._epoch)
        if len(self._homes_by_id) > _MOST_REMEMBERED:
            self._homes_by_id.clear()
        self._homes_by_id.update(zip(ids, homes.tolist(), strict=True))
        return homes

    def _seen_before(self, ids: list[str], *, otherwise: int) -> Homes:
        """The partition of each entity's state if that belongs to this epoch, else `otherwise`."""
        try:
            states = self._codec.decode(self._table.newest(ids))
        except (DefinitionsChanged, StateFormatError) as error:
            raise unreadable(self._homes.scenario, error) from error
        in_epoch = states.last_stamp >= stamp(self._epoch, 0)
        return np.where(in_epoch, states.partition, otherwise).astype(np.int64)
