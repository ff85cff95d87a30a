"""The rows that the archive keeps of a topic: records as they came, with where and when."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from stores import absent
from stores.committed import COMMITTED_SOURCE
from stores.epochs import EpochStart

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

    epoch      the epoch column, see `epoch_of_events` and its like
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


def archived_rows(spark: Any, kafka_options: Mapping[str, str], chosen: Slice) -> DataFrame:
    """The records of `chosen` with the columns of `COLUMNS`; `kafka_options` are Spark's."""
    records = (
        spark.read.format("kafka")
        .options(**kafka_options, **COMMITTED_SOURCE)
        .option("subscribe", chosen.topic)
        .option("includeHeaders", "true")
        .option("failOnDataLoss", "true")
        .option("startingOffsets", _json(chosen.topic, chosen.begin))
        .option("endingOffsets", _json(chosen.topic, chosen.end))
        .load()
    )
    chosen_columns: DataFrame = records.select(
        "topic",
        F.lit(chosen.topic_id).alias("topic_id"),
        "partition",
        "offset",
        chosen.epoch.cast("int").alias("epoch"),
        F.col("timestamp").alias("kafka_time"),
        F.current_timestamp().alias("archived_at"),
        "key",
        "value",
        "headers",
        F.lit(chosen.batch).cast("bigint").alias("archive_batch"),
        F.to_date("timestamp").alias("day"),
        F.lit(None).cast("string").alias("absent"),
        F.lit(None).cast("bigint").alias("until"),
    )
    return chosen_columns


def epoch_of_events(starts: Sequence[EpochStart], topic_id: str) -> Column:
    """The epoch in which each event's offset lies; 0 for events before the first epoch.

    starts: newest first. Those of another incarnation of the topic do not count.
    """
    found = F.lit(0)
    for start in reversed([each for each in starts if each.topic_id == topic_id]):
        for partition, first in start.first_offsets.items():
            is_in = (F.col("partition") == partition) & (F.col("offset") >= first)
            found = F.when(is_in, start.epoch).otherwise(found)
    return found


def epoch_of_predictions() -> Column:
    """The epoch of the event that a prediction or a suppressed event tells of."""
    text = F.col("value").cast("string")
    told = F.from_json(text, "prediction_id string, epoch int")
    of_id = F.regexp_extract(told["prediction_id"], r"-(\d+)-\d+-\d+-v[^-]*$", 1)
    return F.coalesce(told["epoch"], F.nullif(of_id, F.lit("")).cast("int"), F.lit(0))


def epoch_of_dead_letters() -> Column:
    """The epoch of the refused event."""
    named = F.filter("headers", lambda each: each["key"] == "source_epoch")
    return F.coalesce(F.get(named, F.lit(0))["value"].cast("string").cast("int"), F.lit(0))


def _json(topic: str, offsets: Offsets) -> str:
    return json.dumps({topic: {str(partition): at for partition, at in offsets.items()}})
