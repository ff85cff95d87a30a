"""What became of the records that were re-keyed for a second entity, per source partition."""

from dataclasses import dataclass
from typing import Any

import msgspec

from stores.hbase.connection import Session

_COUNTS = b"m:rekeyed"


class RekeyCounts(msgspec.Struct, frozen=True, kw_only=True):
    """Of one partition since re-keying began: sums up to and with the record at `offset`."""

    offset: int
    sent: int = 0
    left_out: int = 0
    refused: int = 0
    written_at_ms: int = 0


@dataclass(frozen=True)
class RekeyCountTable:
    """Counts in the second entity's own table `name`, at position stamps as states are.

    So a batch that is run again writes the same sums.
    """

    session: Session
    name: str

    def below(self, topic: str, partition: int, *, position: int | None) -> RekeyCounts | None:
        """The newest counts older than stamp `position` (None: of all), or None."""
        key = _row_key(topic, partition)

        def get(connection: Any) -> Any:
            table = connection.table(self.name)
            return table.row(key, columns=[_COUNTS], timestamp=position).get(_COUNTS)

        cell = self.session.call(get)
        return None if cell is None else msgspec.json.decode(cell, type=RekeyCounts)

    def write(self, topic: str, partition: int, counts: RekeyCounts, *, position: int) -> None:
        """Write `counts` at stamp `position`; idempotent."""
        key, cell = _row_key(topic, partition), msgspec.json.encode(counts)

        def put(connection: Any) -> None:
            connection.table(self.name).put(key, {_COUNTS: cell}, timestamp=position)

        self.session.call(put)


def _row_key(topic: str, partition: int) -> bytes:
    return f"!rekeyed:{topic}:{partition:06d}".encode()  # sorts before every entity's row
