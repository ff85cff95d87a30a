"""Kafka records in Arrow columns as the decoder takes them; the same for stream and snapshot."""

import numpy as np
import pyarrow as pa

from features.byte_column import ByteColumn
from features.events.cut_bytes import CutBytes
from features.events.decode import Records

# What every reader of records must deliver, whatever it reads from.
RECORD_COLUMNS = ("key", "value", "partition", "offset", "timestamp")
# The same of archived records, whose offsets may belong to several epochs.
ARCHIVED_COLUMNS = (*RECORD_COLUMNS, "epoch")
# Length and SHA-256 of what a reader has cut, null for what is whole; a reader may leave them out.
CUT_COLUMNS = ("key_bytes", "key_sha256", "value_bytes", "value_sha256")
# Where archived events lie by the epoch that scored them, see `batch.records.placed_records`.
PLACEMENT_COLUMNS = ("partitions", "partitioner", "home")


def records_of(arrow: pa.RecordBatch) -> Records:
    """The records in columns key, value, offset and timestamp, in the order they come."""
    microseconds = arrow.column("timestamp").cast(pa.timestamp("us")).cast(pa.int64())
    return Records(
        keys=ByteColumn(arrow.column("key")),
        values=ByteColumn(arrow.column("value")),
        offsets=arrow.column("offset").to_numpy(zero_copy_only=False).astype(np.int64),
        timestamps_ms=microseconds.to_numpy(zero_copy_only=False).astype(np.int64) // 1000,
        cut_keys=_cut(arrow, "key"),
        cut_values=_cut(arrow, "value"),
    )


def _cut(arrow: pa.RecordBatch, name: str) -> dict[int, CutBytes]:
    """Row → what was cut of it; nearly always none."""
    if f"{name}_bytes" not in arrow.schema.names:
        return {}
    lengths = arrow.column(f"{name}_bytes")
    if lengths.null_count == len(lengths):
        return {}
    rows = np.flatnonzero(lengths.is_valid().to_numpy(zero_copy_only=False)).tolist()
    digests = arrow.column(f"{name}_sha256")
    return {row: CutBytes(lengths[row].as_py(), digests[row].as_py()) for row in rows}
