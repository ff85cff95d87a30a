"""All records of a Kafka topic as a Spark frame, as it is now."""

import json
from collections.abc import Mapping

from pyspark.sql import DataFrame, SparkSession

from features.events.arrow_records import RECORD_COLUMNS
from stores.kafka.committed import BOUNDED_SOURCE, COMMITTED_SOURCE


def read_topic(
    spark: SparkSession,
    options: Mapping[str, str],
    topic: str,
    *,
    headers: bool = False,
    begin: Mapping[int, int] | None = None,
    is_committed: bool = True,
) -> DataFrame:
    """The records of `topic` from its first offset, or `begin` of each partition, to its end now.

    is_committed: without what open and aborted transactions wrote. options: of Spark's Kafka
    source, with the servers and how to talk to them. Columns: key and value (binary), partition,
    offset, timestamp (the broker's), and, if asked for, headers. The topic must exist.
    """
    reader = spark.read.format("kafka").options(**options)
    if is_committed:
        reader = reader.options(**COMMITTED_SOURCE)
    reader = reader.option("subscribe", topic).option("includeHeaders", headers)
    reader = reader.option("startingOffsets", _starting(topic, begin))
    columns = (*RECORD_COLUMNS, "headers") if headers else RECORD_COLUMNS
    reader = reader.option("endingOffsets", "latest").options(**BOUNDED_SOURCE)
    return reader.load().select(*columns)


def _starting(topic: str, begin: Mapping[int, int] | None) -> str:
    if begin is None:
        return "earliest"
    return json.dumps({topic: {str(partition): at for partition, at in begin.items()}})
