"""The row that a peer leaves in HBase, and the connection that writes it."""

import socket
import zlib
from collections.abc import Iterable, Sequence
from types import TracebackType

import happybase
from thriftpy2.transport import TTransportException

COLUMN = b"p:latest"
_LOST = (TTransportException, socket.error, EOFError)


def row_key(entity: bytes) -> bytes:
    """Two hex digits of the id's crc32, a colon, the id; as in Everscore's own tables."""
    return b"%02x:%b" % (zlib.crc32(entity) & 0xFF, entity)


class Rows:
    """A table of HBase behind its Thrift gateway, which hangs up after a minute of silence."""

    def __init__(self, host: str, port: int, table: str) -> None:
        self._connection = happybase.Connection(host, port)
        self._table = self._connection.table(table)

    def put(self, rows: Iterable[tuple[bytes, bytes]], *, batch_rows: int) -> None:
        """Put (key, document) pairs in batches; tried again once on a lost connection."""
        pairs = list(rows)
        try:
            self._put(pairs, batch_rows)
        except _LOST:
            self._reconnect()
            self._put(pairs, batch_rows)

    def get(self, keys: Sequence[bytes]) -> int:
        """Read the rows of `keys` in one call; returns how many exist."""
        return len(self._table.rows(keys, columns=[COLUMN]))

    def close(self) -> None:
        """Close the connection."""
        self._connection.close()

    def __enter__(self) -> "Rows":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def _put(self, rows: list[tuple[bytes, bytes]], batch_rows: int) -> None:
        with self._table.batch(batch_size=batch_rows) as batch:
            for key, document in rows:
                batch.put(key, {COLUMN: document})

    def _reconnect(self) -> None:
        self._connection.close()
        self._connection.open()
