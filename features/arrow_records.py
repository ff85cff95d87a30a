"""Kafka records in Arrow columns as the decoder takes them; the same for stream and snapshot."""

import numpy as np
import pyarrow as pa

from features.byte_column import ByteColumn
from features.decode import Records

# What every reader of records must deliver, whatever it reads from.
RECORD_COLUMNS = ("key", "value", "partition", "offset", "timestamp")
# The same of archived records, whose offsets may belong to several epochs.
ARCHIVED_COLUMNS = (*RECORD_COLUMNS, "epoch")


def records_of(arrow: pa.RecordBatch) -> Records:
    """The records in columns key, value, offset and timestamp, in the order they come."""
    microseconds = arrow.column("timestamp").cast(pa.timestamp("us")).cast(pa.int64())
    return Records(
        keys=ByteColumn(arrow.column("key")),
        values=ByteColumn(arrow.column("value")),
        offsets=arrow.column("offset").to_numpy(zero_copy_only=False).astype(np.int64),
        timestamps_ms=microseconds.to_numpy(zero_copy_only=False).astype(np.int64) // 1000,
    )
