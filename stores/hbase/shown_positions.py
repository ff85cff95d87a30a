"""Which events the readable rows show: their positions alone, whichever system wrote the rows."""

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from stores.hbase.keys import entity_of, row_key
from stores.hbase.predictions import Source
from stores.hbase.tables import LATEST


class _Row(msgspec.Struct):
    source: Source


_decode = msgspec.json.Decoder(_Row).decode


def shown_positions(connection: Any, table: str, entities: Sequence[str]) -> Mapping[str, Source]:
    """Entity → position of the event that its row shows, in one call; those without are left out.

    Any row with a `source` in its JSON will do.
    """
    keys = [row_key(entity) for entity in entities]
    rows = connection.table(table).rows(keys, columns=[LATEST]) if keys else ()
    return {entity_of(key): _decode(cells[LATEST]).source for key, cells in rows}
