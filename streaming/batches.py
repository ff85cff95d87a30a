"""Arrow batches of Kafka records as the pass takes them."""

from dataclasses import dataclass

import pyarrow as pa
import pyarrow.compute as pc

from features.arrow_records import records_of
from features.decode import Records


@dataclass(frozen=True)
class Batch:
    """Records of one topic partition in offset order; never empty."""

    records: Records
    partition: int

    @property
    def first(self) -> int:
        """Offset of the first record."""
        return int(self.records.offsets[0])

    @property
    def last(self) -> int:
        """Offset of the last record."""
        return int(self.records.offsets[-1])


def batch_of(arrow: pa.RecordBatch) -> Batch:
    """The batch in Arrow columns `RECORD_COLUMNS`.

    Raises `ValueError` when it mixes partitions: Spark's Kafka source gives one per task.
    """
    partitions = pc.unique(arrow.column("partition")).to_pylist()
    if len(partitions) != 1:
        raise ValueError(f"an Arrow batch holds Kafka partitions {partitions}, expected one")
    return Batch(records_of(arrow), partitions[0])
