"""Archived records of an Arrow batch as the decoder takes them."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from features.events.arrow_records import records_of
from features.events.decode import Records
from features.events.partitioners import Layout, Placement
from stores.hbase.stamps import stamp


@dataclass(frozen=True)
class Run:
    """Records of one partition in one epoch, in offset order.

    placement: how keys lie there; None for records that may lie anywhere, such as labels.
    """

    epoch: int
    partition: int
    records: Records
    placement: Placement | None = None

    @property
    def first_stamp(self) -> int:
        """The position stamp of offset 0 in this epoch."""
        return stamp(self.epoch, 0)


def sorted_for_fold(records: DataFrame, *, max_event_bytes: int) -> DataFrame:
    """All records of a key in one task, in the order of the stream.

    Columns `ARCHIVED_COLUMNS` and any others. Of a value that is longer than an event may be only
    so much is exchanged and sorted that it is still refused for it.
    """
    begin = F.substring("value", 1, max_event_bytes + 1)
    is_longer = F.octet_length("value") > max_event_bytes + 1
    bounded = records.withColumn("value", F.when(is_longer, begin).otherwise(F.col("value")))
    return bounded.repartition("key").sortWithinPartitions("epoch", "partition", "offset")


def runs(batch: pa.RecordBatch) -> Iterator[Run]:
    """The records of `batch`, one run per epoch, partition and layout.

    Columns of `ARCHIVED_COLUMNS`, and of `PLACEMENT_COLUMNS` where it matters where records lie.
    Rows must be sorted as `sorted_for_fold` does.
    """
    if not batch.num_rows:
        return
    is_placed = "partitioner" in batch.schema.names
    names = ("epoch", "partition", *(("partitions", "partitioner") if is_placed else ()))
    columns = [batch.column(name).to_numpy(zero_copy_only=False) for name in names]
    changes = np.logical_or.reduce([column[1:] != column[:-1] for column in columns])
    edges = (np.flatnonzero(changes) + 1).tolist()
    for start, end in zip([0, *edges], [*edges, batch.num_rows], strict=True):
        part = batch.slice(start, end - start)
        epoch, partition, *layout = (column[start] for column in columns)
        placement = _placement(part, int(partition), layout) if is_placed else None
        yield Run(int(epoch), int(partition), records_of(part), placement)


def _placement(part: pa.RecordBatch, partition: int, layout: Sequence[Any]) -> Placement:
    partitions, partitioner = layout
    return Placement(
        layout=Layout(partitioner=str(partitioner), partitions=int(partitions)),
        partition=partition,
        known_homes=part.column("home").to_numpy(zero_copy_only=False).astype(np.int64),
    )
