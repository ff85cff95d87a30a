"""What a run left in HBase, so that two runs over the same topic can be compared."""

from collections.abc import Mapping
from typing import Any

import msgspec

from bench.suite.systems.place import Place
from stores.hbase.states import newest_cells
from stores.hbase.tables import LATEST, STATE

Snapshot = Mapping[bytes, tuple[bytes | None, Mapping[str, Any]]]
# What a row tells of the state that it was made from; the rest is when and by whom.
_FIELDS = ("entity", "score", "features")


def snapshot(place: Place) -> Snapshot:
    """Row key → the state cell, where the system keeps one there, and what its row tells."""
    cells = newest_cells(place.store, place.table)
    return {
        key: (own.get(STATE), _told(own[LATEST])) for key, own in cells.items() if LATEST in own
    }


def differing_rows(found: Snapshot, expected: Snapshot) -> int:
    """Rows of either that are not in the other, or not alike."""
    keys = found.keys() | expected.keys()
    return sum(found.get(key) != expected.get(key) for key in keys)


def _told(document: bytes) -> Mapping[str, Any]:
    row = msgspec.json.decode(document)
    source = row["source"]
    told = {name: row[name] for name in _FIELDS if name in row}
    return {**told, "position": (source["partition"], source["offset"])}
