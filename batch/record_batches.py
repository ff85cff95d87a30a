"""Archived records of an Arrow batch as the decoder takes them."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from pyspark.sql import DataFrame

from features.arrow_records import records_of
from features.decode import Records
from stores.stamps import stamp


@dataclass(frozen=True)
class Run:
    """Records of one partition in one epoch, in offset order."""

    epoch: int
    partition: int
    records: Records

    @property
    def first_stamp(self) -> int:
        """The position stamp of offset 0 in this epoch."""
        return stamp(self.epoch, 0)


def sorted_for_fold(records: DataFrame) -> DataFrame:
    """Columns `ARCHIVED_COLUMNS`: all records of a key in one task, in the order of the stream."""
    return records.repartition("key").sortWithinPartitions("epoch", "partition", "offset")


def runs(batch: pa.RecordBatch) -> Iterator[Run]:
    """The records of `batch` (columns of `ARCHIVED_COLUMNS`), one run per epoch and partition.

    Rows must be sorted as `sorted_for_fold` does.
    """
    epochs = batch.column("epoch").to_numpy(zero_copy_only=False)
    partitions = batch.column("partition").to_numpy(zero_copy_only=False)
    changes = (np.diff(partitions) != 0) | (np.diff(epochs) != 0)
    edges = (np.flatnonzero(changes) + 1).tolist()
    for start, end in zip([0, *edges], [*edges, len(partitions)], strict=True):
        if end > start:
            records = records_of(batch.slice(start, end - start))
            yield Run(int(epochs[start]), int(partitions[start]), records)
