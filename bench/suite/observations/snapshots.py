"""What a run left in HBase, so that two runs over the same topic can be compared."""

from collections.abc import Mapping
from typing import Any

import msgspec

from bench.suite.systems.place import Place
from stores.hbase.states import newest_cells
from stores.hbase.tables import LATEST, STATE

Snapshot = Mapping[bytes, tuple[bytes | None, Mapping[str, Any]]]
# The fields that follow from the state; the others say when and by whom.
_FIELDS = ("entity", "score", "features")


def snapshot(place: Place) -> Snapshot:
    """Row key → the state cell, where the system stores one there, and the fields of its row."""
    cells = newest_cells(place.store, place.table)
    return {
        key: (columns.get(STATE), _shown_fields(columns[LATEST]))
        for key, columns in cells.items()
        if LATEST in columns
    }


def differing_rows(actual: Snapshot, expected: Snapshot) -> int:
    """Rows of either that are not in the other, or not alike."""
    keys = actual.keys() | expected.keys()
    return sum(actual.get(key) != expected.get(key) for key in keys)


def _shown_fields(document: bytes) -> Mapping[str, Any]:
    row = msgspec.json.decode(document)
    source = row["source"]
    fields = {name: row[name] for name in _FIELDS if name in row}
    return {**fields, "position": (source["partition"], source["offset"])}
