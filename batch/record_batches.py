"""Kafka records of an Arrow batch as the decoder takes them."""

from collections.abc import Iterator

import numpy as np
import pyarrow as pa

from features.arrow_records import records_of
from features.decode import Records


def partition_runs(batch: pa.RecordBatch) -> Iterator[tuple[int, Records]]:
    """The records of `batch` (columns of `RECORD_COLUMNS`), one run per Kafka partition.

    Rows must be sorted by partition and offset, as `sorted_for_fold` does.
    """
    partitions = batch.column("partition").to_numpy(zero_copy_only=False)
    edges = np.flatnonzero(np.diff(partitions)) + 1
    for start, end in zip([0, *edges.tolist()], [*edges.tolist(), len(partitions)], strict=True):
        if end > start:
            yield int(partitions[start]), records_of(batch.slice(start, end - start))
