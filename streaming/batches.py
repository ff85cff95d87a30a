"""Arrow batches of Kafka records as the pass takes them."""

from dataclasses import dataclass

import pyarrow as pa
import pyarrow.compute as pc

from features.decode import Records

SOURCE_COLUMNS = ("key", "value", "partition", "offset", "timestamp")


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
    """The batch in Arrow columns `SOURCE_COLUMNS`, the timestamp in microseconds.

    Raises `ValueError` when it mixes partitions: Spark's Kafka source gives one per task.
    """
    partitions = pc.unique(arrow.column("partition")).to_pylist()
    if len(partitions) != 1:
        raise ValueError(f"an Arrow batch holds Kafka partitions {partitions}, expected one")
    timestamps_us = arrow.column("timestamp").cast(pa.int64()).to_numpy(zero_copy_only=False)
    records = Records(
        keys=arrow.column("key").to_pylist(),
        values=arrow.column("value").to_pylist(),
        offsets=arrow.column("offset").to_numpy(zero_copy_only=False),
        timestamps_ms=timestamps_us // 1000,
    )
    return Batch(records, partitions[0])
