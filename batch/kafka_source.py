"""All records of a Kafka topic as a Spark frame, as it is now."""

from collections.abc import Mapping

from pyspark.sql import DataFrame, SparkSession

from features.arrow_records import RECORD_COLUMNS
from stores.committed import BOUNDED_SOURCE, COMMITTED_SOURCE


def read_topic(
    spark: SparkSession, options: Mapping[str, str], topic: str, *, headers: bool = False
) -> DataFrame:
    """The committed records of `topic` from its first offset to its present end.

    options: of Spark's Kafka source, with the servers and how to talk to them. Columns: key and
    value (binary), partition, offset, timestamp (the broker's), and, if asked for, headers. The
    topic must exist.
    """
    reader = spark.read.format("kafka").options(**options, **COMMITTED_SOURCE)
    reader = reader.option("subscribe", topic)
    reader = reader.option("includeHeaders", headers).option("startingOffsets", "earliest")
    columns = (*RECORD_COLUMNS, "headers") if headers else RECORD_COLUMNS
    reader = reader.option("endingOffsets", "latest").options(**BOUNDED_SOURCE)
    return reader.load().select(*columns)
