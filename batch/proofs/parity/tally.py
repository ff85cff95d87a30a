"""Counting what agrees and what does not, batch by batch, as rows that add up."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pyarrow as pa

from batch.proofs.recompute.bits import Compared, Flags

SCHEMA = (
    "what string, name string, equal bigint, different bigint, missing bigint, worst double,"
    " prediction_id string, entity string, epoch int, partition int, offset bigint,"
    " logged string, recomputed string"
)
ARROW_SCHEMA = pa.schema(
    [
        ("what", pa.string()),
        ("name", pa.string()),
        ("equal", pa.int64()),
        ("different", pa.int64()),
        ("missing", pa.int64()),
        ("worst", pa.float64()),
        ("prediction_id", pa.string()),
        ("entity", pa.string()),
        ("epoch", pa.int32()),
        ("partition", pa.int32()),
        ("offset", pa.int64()),
        ("logged", pa.string()),
        ("recomputed", pa.string()),
    ]
)
COLUMN, COUNT, FAULT = "column", "count", "fault"

Place = Mapping[str, Any]  # prediction_id, entity, epoch, partition, offset of a row


@dataclass
class Tally:
    """What one batch of rows gives: at most `most_faults` faults, its first ones by position."""

    most_faults: int
    rows: list[dict[str, Any]] = field(default_factory=list)
    _faults: list[dict[str, Any]] = field(default_factory=list)

    def count(self, name: str, number: int) -> None:
        """Add `number` to the count of `name`."""
        if number:
            self.rows.append({"what": COUNT, "name": name, "equal": number})

    def column(self, name: str, comparison: Compared) -> None:
        """Add a compared column."""
        differences = comparison.distance[comparison.different]
        self.rows.append(
            {
                "what": COLUMN,
                "name": name,
                "equal": int(comparison.equal.sum()),
                "different": int(comparison.different.sum()),
                "missing": int(comparison.missing.sum()),
                "worst": float(differences.max()) if len(differences) else 0.0,
            }
        )

    def plain_column(self, name: str, is_equal: Flags) -> None:
        """Add a column of values that are equal or not, without a distance."""
        none = np.zeros(len(is_equal), dtype=np.bool_)
        self.column(name, Compared(is_equal, ~is_equal, none, np.zeros(len(is_equal))))

    def fault(self, name: str, place: Place, *, logged: object, recomputed: object) -> None:
        """Name one place where something is wrong."""
        values = {"logged": _text(logged), "recomputed": _text(recomputed)}
        self._faults.append({"what": FAULT, "name": name, **place, **values})

    def batch(self) -> Iterator[pa.RecordBatch]:
        """The rows, when there are any."""
        self._faults.sort(key=_position)
        rows = [*self.rows, *self._faults[: self.most_faults]]
        if rows:
            yield pa.RecordBatch.from_pylist(rows, schema=ARROW_SCHEMA)


def _text(value: object) -> str | None:
    """As JSON would show it; floats with all digits that matter."""
    return None if value is None else repr(value) if isinstance(value, float) else str(value)


def _position(fault: Mapping[str, Any]) -> tuple[int, int, int]:
    return tuple(-1 if fault.get(name) is None else fault[name] for name in _POSITION)  # type: ignore[return-value]


_POSITION = ("epoch", "partition", "offset")
