"""Keys and values that are too long are cut in Spark's first projection."""

from collections.abc import Iterator
from hashlib import sha256

import pyarrow as pa
from pyspark.sql import SparkSession
from pyspark.sql import functions as F

from batch.records.record_batches import sorted_for_fold
from features.events.bounded_columns import bounded_columns
from streaming.passes.batches import batch_of

KEYS = [None, b"", b"k" * 10, b"k" * 11, b"\xff" * 5_000]
VALUES = [None, b"", bytes(20), bytes(21), b"\xf0" * 200_000]


def test_what_arrives_on_a_worker_is_bounded_and_tells_what_was_cut(spark: SparkSession) -> None:
    rows = [(k, v, 0, n) for n, (k, v) in enumerate(zip(KEYS, VALUES, strict=True))]
    frame = spark.createDataFrame(rows, "key binary, value binary, partition int, offset bigint")
    frame = frame.coalesce(1).withColumn("timestamp", F.timestamp_seconds(F.lit(1)))
    bounded = frame.select(*bounded_columns(value_bytes=20, key_bytes=10))

    def described(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        for arrow in batches:
            records = batch_of(arrow).records
            whole = {"key": records.cut_keys, "value": records.cut_values}
            cuts = [
                str({n: (c[r].length, c[r].sha256) if r in c else None for n, c in whole.items()})
                for r in range(len(records.offsets))
            ]
            columns = [arrow.column("key"), arrow.column("value"), pa.array(cuts)]
            yield pa.RecordBatch.from_arrays(columns, names=["key", "value", "cuts"])

    received = bounded.mapInArrow(described, "key binary, value binary, cuts string").collect()
    assert [row["key"] for row in received] == [k if k is None else k[:10] for k in KEYS]
    assert [row["value"] for row in received] == [v if v is None else v[:20] for v in VALUES]
    for row, key, value in zip(received, KEYS, VALUES, strict=True):
        whole = {
            name: (len(content), sha256(content).hexdigest())
            if content and len(content) > most
            else None
            for name, content, most in (("key", key, 10), ("value", value, 20))
        }
        assert row["cuts"] == str(whole)


def test_what_a_fold_exchanges_and_sorts_is_bounded_and_still_too_long(spark: SparkSession) -> None:
    columns = "key binary, value binary, partition int, offset bigint, epoch int"
    rows = [(b"k", value, 0, n, 1) for n, value in enumerate([b"", bytes(100), bytes(900), None])]
    frame = spark.createDataFrame(rows, columns)
    sorted_rows = sorted_for_fold(frame, max_event_bytes=100).collect()
    assert [row["value"] and len(row["value"]) for row in sorted_rows] == [b"", 100, 101, None]
