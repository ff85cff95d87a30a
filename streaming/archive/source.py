"""The rows that the archive stores of a topic: records as they came, with position and time."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from features.events.arrow_records import CUT_COLUMNS
from features.events.bounded_columns import bounded_columns
from stores.delta import absent
from stores.kafka.committed import BOUNDED_SOURCE, COMMITTED_SOURCE

Offsets = Mapping[int, int]

# What can be archived: the kinds of a scenario's topics.
KINDS = (
    "events",
    "predictions",
    "dead-letter",
    "labels",
    "outcomes",
    "review-decisions",
    "device-records",
)

COLUMNS = (
    "topic string, topic_id string, partition int, offset bigint, epoch int, "
    "kafka_time timestamp, archived_at timestamp, key binary, value binary, "
    "headers array<struct<key:string,value:binary>>, archive_batch bigint, day date, "
    f"{absent.COLUMNS}"
)
# Delta writes each file's smallest and largest values into its log, where no erasure reaches: they
# are limited to columns that identify no entity.
STATISTICS = "topic_id,partition,offset,epoch,kafka_time,archived_at,archive_batch,absent,until"


@dataclass(frozen=True, kw_only=True)
class Slice:
    """Records [begin, end) of each partition of one topic, on their way into the archive.

    epoch      the epoch column, see stores/delta/epoch_columns.py
    batch      the archive's own running number of this commit
    """

    topic: str
    topic_id: str
    begin: Offsets
    end: Offsets
    epoch: Column
    batch: int

    @property
    def records(self) -> int:
        """How many offsets that is."""
        return sum(self.end[partition] - first for partition, first in self.begin.items())


def records_of_slice(
    spark: Any, kafka_options: Mapping[str, str], archive_slice: Slice
) -> DataFrame:
    """The committed records of `archive_slice` as Spark's source returns them.

    `kafka_options` are Spark's. Fails when Kafka no longer has one of its offsets.
    """
    reader = spark.read.format("kafka").options(**kafka_options, **COMMITTED_SOURCE)
    if archive_slice.topic.endswith(".dead-letter"):  # long ones, compressed to almost nothing
        reader = reader.options(**BOUNDED_SOURCE)
    records: DataFrame = (
        reader.option("subscribe", archive_slice.topic)
        .option("includeHeaders", "true")
        .option("failOnDataLoss", "true")
        .option("startingOffsets", _json(archive_slice.topic, archive_slice.begin))
        .option("endingOffsets", _json(archive_slice.topic, archive_slice.end))
        .load()
    )
    return records


def archived_rows(records: DataFrame, archive_slice: Slice, *, most_bytes: int) -> DataFrame:
    """`records` of `archive_slice` with the columns of `COLUMNS`.

    Of a key or value longer than `most_bytes`, the most that the topic's settings allow, the
    beginning is archived; headers `value_bytes` and `value_sha256` (and `key_…`) describe it whole.
    """
    bounded = bounded_columns(value_bytes=most_bytes, key_bytes=most_bytes)
    rows = records.select(F.col("topic"), *bounded, F.col("headers"))
    archived: DataFrame = rows.select(
        "topic",
        F.lit(archive_slice.topic_id).alias("topic_id"),
        "partition",
        "offset",
        archive_slice.epoch.cast("int").alias("epoch"),
        F.col("timestamp").alias("kafka_time"),
        F.current_timestamp().alias("archived_at"),
        "key",
        "value",
        _headers_with_cuts().alias("headers"),
        F.lit(archive_slice.batch).cast("bigint").alias("archive_batch"),
        F.to_date("timestamp").alias("day"),
        F.lit(None).cast("string").alias("absent"),
        F.lit(None).cast("bigint").alias("until"),
    )
    return archived


def gap_rows(spans: DataFrame, archive_slice: Slice) -> DataFrame:
    """Rows with the columns of `COLUMNS` that stand for `spans` (partition, offset, until)."""
    nothing = {
        "kafka_time": "timestamp",
        "key": "binary",
        "value": "binary",
        "headers": "array<struct<key:string,value:binary>>",
    }
    columns: dict[str, Column] = {
        "topic": F.lit(archive_slice.topic),
        "topic_id": F.lit(archive_slice.topic_id),
        "partition": F.col("partition"),
        "offset": F.col("offset"),
        "epoch": archive_slice.epoch.cast("int"),
        "archived_at": F.current_timestamp(),
        "archive_batch": F.lit(archive_slice.batch).cast("bigint"),
        "day": F.current_date(),
        "absent": F.lit(absent.GAP),
        "until": F.col("until"),
        **{name: F.lit(None).cast(kind) for name, kind in nothing.items()},
    }
    return spans.select(*(column.alias(name) for name, column in columns.items()))


def _headers_with_cuts() -> Column:
    def header(name: str) -> Column:
        text = F.col(name).cast("string").cast("binary")
        return F.struct(F.lit(name).alias("key"), text.alias("value"))

    cuts = F.filter(F.array(*map(header, CUT_COLUMNS)), lambda cut: cut["value"].isNotNull())
    is_cut = F.col("key_bytes").isNotNull() | F.col("value_bytes").isNotNull()
    headers = F.coalesce(F.col("headers"), F.array().cast("array<struct<key:string,value:binary>>"))
    return F.when(is_cut, F.concat(headers, cuts)).otherwise(F.col("headers"))


def _json(topic: str, offsets: Offsets) -> str:
    return json.dumps({topic: {str(partition): at for partition, at in offsets.items()}})
