"""Home partitions that do not follow from the key: the first one seen is recorded.

One cell per entity and epoch, put only where there is none (HBase's check-and-put is atomic), and
never changed: of two partitions that see a new entity in the same moment one gets it, and later
reads, those of a replay included, give the same answer.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt

from stores.hbase.connection import Session
from stores.hbase.keys import row_key

UNKNOWN = -1
_ROWS_PER_CALL = 4000

Homes = npt.NDArray[np.int64]


def home_column(epoch: int) -> bytes:
    """The column that holds an entity's home partition in `epoch`."""
    return b"s:home-%d" % epoch


@dataclass(frozen=True)
class HomeTable:
    """Home partitions in the table of one scenario, over a session."""

    session: Session
    scenario: str

    def read(self, entities: Sequence[str], *, epoch: int) -> Homes:
        """The home of each entity, int64 (e,); `UNKNOWN` where none is recorded."""
        column, keys = home_column(epoch), [row_key(entity) for entity in entities]
        cells: dict[bytes, Any] = {}
        for begin in range(0, len(keys), _ROWS_PER_CALL):
            part = keys[begin : begin + _ROWS_PER_CALL]
            cells.update(self.session.call(partial(self._rows, part, column)))
        return np.array(
            [int(cells.get(key, {}).get(column, UNKNOWN)) for key in keys], dtype=np.int64
        )

    def claim(self, entities: Sequence[str], wanted: Homes, *, epoch: int) -> Homes:
        """Record `wanted` (e,) where no home is; returns the homes that then hold, int64 (e,).

        One call per entity, about a millisecond: each is made once in an epoch.
        """
        column, homes = home_column(epoch), wanted.copy()
        lost = []
        for row, (entity, home) in enumerate(zip(entities, wanted.tolist(), strict=True)):
            put = partial(self._put_if_absent, row_key(entity), column, b"%d" % home)
            if not self.session.call(put):  # another's, or this one's before the connection broke
                lost.append(row)
        homes[lost] = self.read([entities[row] for row in lost], epoch=epoch)
        return homes

    def _rows(self, keys: Sequence[bytes], column: bytes, connection: Any) -> Any:
        return connection.table(self.scenario).rows(keys, columns=[column])

    def _put_if_absent(self, key: bytes, column: bytes, cell: bytes, connection: Any) -> bool:
        from Hbase_thrift import Mutation  # made by happybase when it is imported

        name = connection.table(self.scenario).name
        mutation = Mutation(isDelete=False, column=column, value=cell)
        return bool(connection.client.checkAndPut(name, key, column, None, mutation, {}))
