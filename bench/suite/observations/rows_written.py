"""How many rows a run of ours put into HBase: one per customer and batch."""

from collections.abc import Mapping, Sequence

import msgspec
import numpy as np
import numpy.typing as npt

from stores.hbase.connection import HBaseStore
from stores.hbase.states import Marker, marker_key
from stores.hbase.tables import MARKER, MARKER_VERSIONS


def rows_written(
    customers: Mapping[int, npt.NDArray[np.int64]], last_offsets: Mapping[int, Sequence[int]]
) -> int:
    """Distinct customers per batch, over all batches.

    customers: partition → the customer of each offset; last_offsets: partition → the last offset
    of each batch, in any order.
    """
    total = 0
    for partition, partition_customers in customers.items():
        ends = np.unique(np.asarray(last_offsets[partition], dtype=np.int64)) + 1
        if not len(ends):
            continue
        for begin, end in zip([0, *ends[:-1].tolist()], ends.tolist(), strict=True):
            total += len(np.unique(partition_customers[begin:end]))
    return total


def batch_ends(
    store: HBaseStore, scenario: str, partitions: Sequence[int]
) -> Mapping[int, Sequence[int]]:
    """Partition → the last offset of each batch of a run of ours, by its markers."""
    with store.open() as connection:
        table = connection.table(scenario)
        cells_by_partition = {
            partition: table.cells(marker_key(partition), MARKER, versions=MARKER_VERSIONS)
            for partition in partitions
        }
    return {
        partition: [msgspec.json.decode(cell, type=Marker).offset for cell in cells]
        for partition, cells in cells_by_partition.items()
    }
