"""Customers whose id begins with what the agent typed."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from serving.sessions import SessionPool
from stores.hbase.connection import Session
from stores.hbase.keys import entity_of, prefix_range
from stores.hbase.tables import LATEST

# Row keys begin with a hash, so ids with one beginning lie in 256 places: 256 short scans, whatever
# the size of the table. A filter over the whole table would be faster up to some 100,000 rows only.
_PLACES = 256


@dataclass(frozen=True, kw_only=True)
class Matches:
    """Ids in their order; `is_whole` false: more may begin so."""

    entities: tuple[str, ...]
    is_whole: bool


@dataclass(frozen=True)
class IdSearch:
    """Ids of one scenario's latest rows.

    most_seconds  a search that takes longer ends with what it has
    """

    pool: SessionPool
    scenario: str
    most_seconds: float = 3.0
    clock: Callable[[], float] = time.monotonic

    def beginning_with(self, beginning: str, *, limit: int) -> Matches:
        """Up to `limit` ids that begin with `beginning`; raises `StoreDown`, `TableMissing`."""
        entities: list[str] = []
        end = self.clock() + self.most_seconds
        with self.pool.session() as session:
            for place in range(_PLACES):
                entities += self._in_place(session, place, beginning, limit + 1 - len(entities))
                if len(entities) > limit or self.clock() > end:
                    return Matches(entities=tuple(sorted(entities[:limit])), is_whole=False)
        return Matches(entities=tuple(sorted(entities)), is_whole=True)

    def _in_place(self, session: Session, place: int, beginning: str, most: int) -> list[str]:
        start = prefix_range(place)[0] + beginning.encode()

        def scan(connection: Any) -> Any:
            table = connection.table(self.scenario)
            rows = table.scan(
                row_start=start,
                row_stop=_after(start),
                columns=[LATEST],
                batch_size=most,
                limit=most,
            )
            return [entity_of(key) for key, _ in rows]

        ids: list[str] = session.call(scan)
        return ids


def _after(beginning: bytes) -> bytes:
    """The smallest key above all that begin with `beginning`, whose last byte is below 0xff.

    UTF-8 has no byte 0xff.
    """
    return beginning[:-1] + bytes([beginning[-1] + 1])
