"""The latest rows of one scenario: of one entity, of many, and all of a band page by page."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import msgspec

from serving.rows.cursors import CursorRefused, cursor_of, place_of
from serving.rows.view import RowView, row_view
from serving.sessions import SessionPool
from stores.hbase.keys import entity_of, row_key
from stores.hbase.tables import LATEST
from streaming.position.staleness import StreamLag

_COLUMNS = (LATEST,)
_SCAN_ROWS = 500
_FRESH = StreamLag({}, float("inf"))


@dataclass(frozen=True, kw_only=True)
class BandPage:
    """Rows in the order of their keys, and the cursor of the next page; None at the end."""

    rows: Sequence[RowView]
    cursor: str | None


class _Place(msgspec.Struct, frozen=True, array_like=True):
    scenario: str
    band: str | None
    start: bytes


@dataclass(frozen=True)
class LatestRows:
    """Latest rows as everybody shows them; each call raises `StoreDown` or `TableMissing`.

    scenario  its name
    lag       how far the stream is behind; must not wait, see `LagWatch`
    """

    pool: SessionPool
    scenario: str
    lag: Callable[[], StreamLag] = lambda: _FRESH

    def one(self, entity: str, now: datetime) -> RowView | None:
        """The row of `entity`, or None when there is none: one read of one cell."""
        key = row_key(entity)

        def get(connection: Any) -> Any:
            return connection.table(self.scenario).row(key, columns=_COLUMNS).get(LATEST)

        with self.pool.session() as session:
            document = session.call(get)
        return None if document is None else row_view(document, self.lag(), now=now)

    def many(self, entities: Sequence[str], now: datetime) -> Mapping[str, RowView]:
        """Entity → row, in the order of `entities`; those without a row are left out."""
        keys = [row_key(entity) for entity in dict.fromkeys(entities)]

        def get(connection: Any) -> Any:
            return connection.table(self.scenario).rows(keys, columns=_COLUMNS)

        with self.pool.session() as session:
            documents = {key: cells[LATEST] for key, cells in session.call(get)}
        lag = self.lag()
        return {
            entity_of(key): row_view(documents[key], lag, now=now)
            for key in keys
            if key in documents
        }

    def page(
        self, now: datetime, *, band: str | None, cursor: str | None, limit: int, most_read: int
    ) -> BandPage:
        """At most `limit` rows of `band` (None: of all) behind `cursor`.

        At most about `most_read` rows are read for it, so a page of a rare band may have few rows
        or none and a cursor all the same. Keys never move: going on from cursor to cursor gives
        each row that was there all the time exactly once, as it was when its page was read.
        Raises `CursorRefused`.
        """
        place = self._place(band, cursor)
        start, rows, lag, rows_read = place.start, [], self.lag(), 0
        while rows_read < most_read:
            size = min(_SCAN_ROWS, most_read - rows_read)
            cells = self._cells(start, size)
            for key, document in cells:
                start = key + b"\0"  # the smallest key after it
                view = row_view(document, lag, now=now)
                if band is None or view.prediction.band == band:
                    rows.append(view)
                if len(rows) == limit:
                    return BandPage(rows=rows, cursor=self._cursor(band, start))
            rows_read += len(cells)
            if len(cells) < size:
                return BandPage(rows=rows, cursor=None)
        return BandPage(rows=rows, cursor=self._cursor(band, start))

    def _cells(self, start: bytes, limit: int) -> list[tuple[bytes, bytes]]:
        """Keys and documents of the first `limit` rows from key `start` on."""

        def scan(connection: Any) -> Any:
            table = connection.table(self.scenario)
            rows = table.scan(row_start=start, columns=_COLUMNS, batch_size=limit, limit=limit)
            return [(key, cells[LATEST]) for key, cells in rows]

        with self.pool.session() as session:
            cells: list[tuple[bytes, bytes]] = session.call(scan)
        return cells

    def _cursor(self, band: str | None, start: bytes) -> str:
        return cursor_of(_Place(self.scenario, band, start))

    def _place(self, band: str | None, cursor: str | None) -> _Place:
        if cursor is None:
            return _Place(self.scenario, band, b"")
        place = place_of(cursor, _Place)
        if (place.scenario, place.band) != (self.scenario, band):
            raise CursorRefused(
                f"the cursor belongs to scenario {place.scenario} and band {place.band}, this "
                f"search is of {self.scenario} and {band}: begin without one"
            )
        return place
