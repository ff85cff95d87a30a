"""The attachment table over a store in memory, behind the calls of happybase that it makes."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from stores.hbase.attachments import AttachmentPlace
from stores.hbase.connection import HBaseStore, StoreDown

Row = dict[bytes, bytes]  # column → value


@dataclass(frozen=True)
class MemoryAttachmentStore(HBaseStore):
    """A store whose one table is a dictionary; `calls` lists what was asked of it.

    is_away: it does not answer while this holds something
    """

    host: str = "memory"
    port: int = 0
    rows: dict[bytes, Row] = field(default_factory=dict)
    calls: list[str] = field(default_factory=list)
    is_away: list[bool] = field(default_factory=list)

    def connect(self) -> Any:
        """A connection that knows `table`; raises `StoreDown`."""
        if self.is_away:
            raise StoreDown("memory does not answer")
        return _Connection(self)


@dataclass(frozen=True)
class _Connection:
    store: MemoryAttachmentStore

    def table(self, name: str) -> "_Table":
        assert name == "attachments", name
        return _Table(self.store)

    def close(self) -> None:
        """Nothing to close."""


@dataclass(frozen=True)
class _Table:
    store: MemoryAttachmentStore

    def batch(self) -> "_Batch":
        return _Batch(self)

    def put(self, key: bytes, cells: Mapping[bytes, bytes]) -> None:
        self.store.calls.append("put")
        self.store.rows.setdefault(key, {}).update(cells)

    def delete(self, key: bytes, columns: Sequence[bytes]) -> None:
        self.store.calls.append("delete")
        row = self.store.rows.get(key, {})
        for column in columns:
            row.pop(column, None)
        if not row:
            self.store.rows.pop(key, None)

    def rows(self, keys: Sequence[bytes], columns: Sequence[bytes]) -> list[tuple[bytes, Row]]:
        self.store.calls.append(f"rows {len(keys)}")
        return self._selected(keys, columns)

    def scan(
        self, *, row_start: bytes, row_stop: bytes | None, columns: Sequence[bytes]
    ) -> Iterator[tuple[bytes, Row]]:
        keys = [k for k in sorted(self.store.rows) if row_start <= k < (row_stop or b"\xff")]
        return iter(self._selected(keys, columns))

    def _selected(self, keys: Sequence[bytes], names: Sequence[bytes]) -> list[tuple[bytes, Row]]:
        def is_wanted(column: bytes) -> bool:
            return column in names or column.partition(b":")[0] in names

        rows = ((key, self.store.rows.get(key, {})) for key in keys)
        selected = ((key, {c: v for c, v in row.items() if is_wanted(c)}) for key, row in rows)
        return [(key, row) for key, row in selected if row]


@dataclass(frozen=True)
class _Batch:
    table: _Table
    puts: list[tuple[bytes, Mapping[bytes, bytes]]] = field(default_factory=list)

    def put(self, key: bytes, cells: Mapping[bytes, bytes]) -> None:
        self.puts.append((key, cells))

    def send(self) -> None:
        self.table.store.calls.append(f"batch {len(self.puts)}")
        for key, cells in self.puts:
            self.table.store.rows.setdefault(key, {}).update(cells)


def attachments_in_memory(store: MemoryAttachmentStore | None = None) -> AttachmentPlace:
    """A place over `store`, else over an empty one."""
    return AttachmentPlace(store or MemoryAttachmentStore(), retry_seconds=0.0)
