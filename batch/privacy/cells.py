"""The rows of erased entities in HBase: every version from before the erasure."""

from typing import Any

from features.fold.state import StateCodec
from stores.hbase.connection import Session
from stores.hbase.keys import row_key
from stores.hbase.stamps import epoch_of
from stores.hbase.tables import LATEST, STATE
from stores.records.erasures import Erasure


def has_row(session: Session, table: str, entity: str) -> bool:
    """Whether any cell of `entity` is in `table`."""
    return bool(session.call(lambda connection: connection.table(table).row(row_key(entity))))


def erase_row(
    session: Session, table: str, entity: str, *, erasure: Erasure, codec: StateCodec
) -> bool:
    """Delete the cells of `entity` from before the erasure; whether there was a row.

    One delete marker just before the first stamp that counts again: it hides every older cell, also
    one that a running batch writes afterwards, and none of a later event. The bytes go with the
    next major compaction.
    """
    key = row_key(entity)
    cells = session.call(
        lambda connection: connection.table(table).row(key, include_timestamp=True)
    )
    position = _last_stamp_before(erasure, cells.get(STATE), codec)

    def delete(connection: Any) -> None:
        # Of all families and columns: happybase's own delete names families, which the gateway may
        # take for columns without a name.
        connection.client.deleteAllRowTs(connection.table(table).name, key, position, {})

    session.call(delete)
    return bool(cells)


def is_erased(
    session: Session, table: str, entity: str, *, erasure: Erasure, codec: StateCodec
) -> bool:
    """Whether nothing from before the erasure can be read of `entity` any more."""
    key = row_key(entity)
    cells = session.call(
        lambda connection: connection.table(table).row(key, include_timestamp=True)
    )
    state = cells.get(STATE)
    if state is None:
        return LATEST not in cells
    states = codec.decode([state[0]])
    return int(states.first_stamp[0]) >= erasure.first_stamp(int(states.partition[0]))


def _last_stamp_before(erasure: Erasure, cell: tuple[bytes, int] | None, codec: StateCodec) -> int:
    """Before the first event that counts again in the entity's own partition.

    Without a state of this epoch the partition is not known: then before the first of all.
    """
    partitions = sorted(erasure.first_offsets or {0: 0})
    if cell is not None and epoch_of(cell[1]) == erasure.epoch:
        partition = int(codec.decode([cell[0]]).partition[0])
        if partition in partitions:
            return erasure.first_stamp(partition) - 1
    return min(erasure.first_stamp(partition) for partition in partitions) - 1
