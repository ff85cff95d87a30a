"""Latest rows in memory, behind the calls of happybase that their readers make."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from stores.hbase.connection import HBaseStore, StoreDown
from stores.hbase.keys import row_key
from stores.hbase.predictions import Model, Prediction, Reason, Source, row_document
from stores.hbase.tables import LATEST

Cells = dict[bytes, dict[bytes, tuple[int, bytes]]]  # row key → column → stamp and value


@dataclass(frozen=True)
class MemoryStore(HBaseStore):
    """A store whose tables are dictionaries; `away` holds a message while it does not answer."""

    host: str = "memory"
    port: int = 0
    tables: dict[str, Cells] = field(default_factory=dict)
    away: list[str] = field(default_factory=list)

    def connect(self) -> Any:
        """A connection that knows `table`; raises `StoreDown`."""
        if self.away:
            raise StoreDown(self.away[0])
        return _Connection(self)

    def write(self, scenario: str, prediction: Prediction, *, position: int = 1) -> None:
        """Write a latest row at a stamp: a newer one in the cell stays."""
        row = self.tables.setdefault(scenario, {}).setdefault(row_key(prediction.entity), {})
        if row.get(LATEST, (0, b""))[0] <= position:
            row[LATEST] = (position, row_document(prediction))


@dataclass(frozen=True)
class _Connection:
    store: MemoryStore

    def table(self, name: str) -> "_Table":
        return _Table(self.store, name)

    def close(self) -> None:
        """Nothing to close."""


@dataclass(frozen=True)
class _Table:
    store: MemoryStore
    name: str

    def row(self, key: bytes, columns: Sequence[bytes]) -> dict[bytes, bytes]:
        return dict(self.rows([key], columns)).get(key, {})

    def rows(
        self, keys: Sequence[bytes], columns: Sequence[bytes]
    ) -> list[tuple[bytes, dict[bytes, bytes]]]:
        cells = self._cells()
        found = [(key, self._selected(cells.get(key, {}), columns)) for key in keys]
        return [(key, row) for key, row in found if row]

    def scan(
        self, *, row_start: bytes, columns: Sequence[bytes], batch_size: int, limit: int
    ) -> Iterator[tuple[bytes, dict[bytes, bytes]]]:
        keys = [key for key in sorted(self._cells()) if key >= row_start]
        return iter(self.rows(keys, columns)[:limit])

    def _cells(self) -> Cells:
        if self.store.away:
            raise ConnectionError(self.store.away[0])
        return self.store.tables.get(self.name, {})

    def _selected(
        self, row: dict[bytes, tuple[int, bytes]], columns: Sequence[bytes]
    ) -> dict[bytes, bytes]:
        return {column: row[column][1] for column in columns if column in row}


@contextmanager
def away(store: MemoryStore) -> Iterator[None]:
    """The store does not answer within the block."""
    store.away.append("memory does not answer")
    try:
        yield
    finally:
        store.away.clear()


def latest_row(
    entity: str,
    *,
    at: datetime | None = None,
    score: float = 0.9,
    band: str = "hot",
    partition: int = 0,
    offset: int = 7,
    valid_days: float = 1.0,
) -> Prediction:
    """A row of the tiny scenario that was scored at `at`, by default now."""
    moment = at or datetime.now(UTC)
    return Prediction(
        prediction_id=f"tiny-1-{partition}-{offset}-v1",
        entity=entity,
        score=score,
        band=band,
        reasons=[Reason("heat", "=hot [bold] <b>", "raises", 1.0)],
        action="inspect",
        review=False,
        control_group=False,
        scored_at=moment,
        event_time=moment,
        features_as_of=moment,
        valid_until=moment + timedelta(days=valid_days),
        model=Model("tiny", "1"),
        source=Source("tiny.events", partition, offset),
    )
