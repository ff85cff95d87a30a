"""Looks second entities up in their archived history, in a Spark task that holds all of a key."""

from collections.abc import Iterable

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from features.fold.history import HistoryColumns, lookup_history
from scenarios.contract.keyed import KeyedEntity


def asked_and_history(batches: Iterable[pa.RecordBatch]) -> tuple[pa.Table, pa.Table]:
    """The rows with an asked_ms, and those of `history_rows`; both empty without batches."""
    parts = list(batches)
    if not parts:
        return pa.table({}), pa.table({})
    table = pa.Table.from_batches(parts)
    is_asked = table.column("asked_ms").is_valid()
    return table.filter(is_asked), table.filter(pc.invert(is_asked))


def looked_up_at(
    history: pa.Table, lookups: pa.Table, keyed: KeyedEntity
) -> npt.NDArray[np.float64]:
    """Features (q, k) of `keyed` for the rows of `lookups` (key, asked_ms), out of `history` (rows
    of `history_rows`, all of these keys).
    """
    history = history.sort_by([("arrived_ms", "ascending"), ("time_ms", "ascending")])
    keys = [part.column("key").to_numpy() for part in (history, lookups)]
    _, codes = np.unique(np.concatenate(keys), return_inverse=True)
    return lookup_history(
        keyed.plan,
        HistoryColumns(
            entity_codes=codes[: history.num_rows],
            type_codes=history.column("type_code").to_numpy().astype(np.int64),
            times_ms=history.column("time_ms").to_numpy().astype(np.int64),
            values=matrix(history, "row_values", len(keyed.schema.columns)),
        ),
        asked_codes=codes[history.num_rows :],
        asked_ms=lookups.column("asked_ms").to_numpy().astype(np.int64),
    )


def matrix(table: pa.Table, name: str, width: int) -> npt.NDArray[np.float64]:
    """A column of lists of `width` floats as (n, width)."""
    flat = table.column(name).combine_chunks().flatten()
    values: npt.NDArray[np.float64] = flat.to_numpy(zero_copy_only=False).astype(np.float64)
    return values.reshape(table.num_rows, width)
