"""The rows that the archive keeps of a topic: records as they came, with where and when."""

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
KINDS = ("events", "predictions", "dead-letter", "labels")

COLUMNS = (
    "topic string, topic_id string, partition int, offset bigint, epoch int, "
    "kafka_time timestamp, archived_at timestamp, key binary, value binary, "
    "headers array<struct<key:string,value:binary>>, archive_batch bigint, day date, "
    f"{absent.COLUMNS}"
)
# Delta keeps the smallest and the largest value of each file in its log, where no erasure reaches:
# only of columns that name nobody.
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


def records_of_slice(spark: Any, kafka_options: Mapping[str, str], chosen: Slice) -> DataFrame:
    """The committed records of `chosen` as Spark's source gives them; `kafka_options` are Spark's.

    Fails when Kafka no longer has one of its offsets.
    """
    reader = spark.read.format("kafka").options(**kafka_options, **COMMITTED_SOURCE)
    if chosen.topic.endswith(".dead-letter"):  # long ones, packed to next to nothing
        reader = reader.options(**BOUNDED_SOURCE)
    records: DataFrame = (
        reader.option("subscribe", chosen.topic)
        .option("includeHeaders", "true")
        .option("failOnDataLoss", "true")
        .option("startingOffsets", _json(chosen.topic, chosen.begin))
        .option("endingOffsets", _json(chosen.topic, chosen.end))
        .load()
    )
    return records


def archived_rows(records: DataFrame, chosen: Slice, *, most_bytes: int) -> DataFrame:
    """`records` of `chosen` with the columns of `COLUMNS`.

    Of a key or value longer than `most_bytes`, the most that the topic's setting would let in, the
    beginning is archived; headers `value_bytes` and `value_sha256` (and `key_…`) tell of the whole.
    """
    bounded = bounded_columns(value_bytes=most_bytes, key_bytes=most_bytes)
    rows = records.select(F.col("topic"), *bounded, F.col("headers"))
    archived: DataFrame = rows.select(
        "topic",
        F.lit(chosen.topic_id).alias("topic_id"),
        "partition",
        "offset",
        chosen.epoch.cast("int").alias("epoch"),
        F.col("timestamp").alias("kafka_time"),
        F.current_timestamp().alias("archived_at"),
        "key",
        "value",
        _headers_with_cuts().alias("headers"),
        F.lit(chosen.batch).cast("bigint").alias("archive_batch"),
        F.to_date("timestamp").alias("day"),
        F.lit(None).cast("string").alias("absent"),
        F.lit(None).cast("bigint").alias("until"),
    )
    return archived


def gap_rows(spans: DataFrame, chosen: Slice) -> DataFrame:
    """Rows with the columns of `COLUMNS` that stand for `spans` (partition, offset, until)."""
    nothing = {
        "kafka_time": "timestamp",
        "key": "binary",
        "value": "binary",
        "headers": "array<struct<key:string,value:binary>>",
    }
    given: dict[str, Column] = {
        "topic": F.lit(chosen.topic),
        "topic_id": F.lit(chosen.topic_id),
        "partition": F.col("partition"),
        "offset": F.col("offset"),
        "epoch": chosen.epoch.cast("int"),
        "archived_at": F.current_timestamp(),
        "archive_batch": F.lit(chosen.batch).cast("bigint"),
        "day": F.current_date(),
        "absent": F.lit(absent.GAP),
        "until": F.col("until"),
        **{name: F.lit(None).cast(kind) for name, kind in nothing.items()},
    }
    return spans.select(*(column.alias(name) for name, column in given.items()))


def _headers_with_cuts() -> Column:
    def header(name: str) -> Column:
        text = F.col(name).cast("string").cast("binary")
        return F.struct(F.lit(name).alias("key"), text.alias("value"))

    cuts = F.filter(F.array(*map(header, CUT_COLUMNS)), lambda each: each["value"].isNotNull())
    is_cut = F.col("key_bytes").isNotNull() | F.col("value_bytes").isNotNull()
    own = F.coalesce(F.col("headers"), F.array().cast("array<struct<key:string,value:binary>>"))
    return F.when(is_cut, F.concat(own, cuts)).otherwise(F.col("headers"))


def _json(topic: str, offsets: Offsets) -> str:
    return json.dumps({topic: {str(partition): at for partition, at in offsets.items()}})
