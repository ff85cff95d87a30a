"""All records of a Kafka topic as a Spark frame, as it is now."""

from collections.abc import Mapping

from pyspark.sql import DataFrame, SparkSession

# What every reader of records must deliver, whatever it reads from.
RECORD_COLUMNS = ("key", "value", "partition", "offset", "timestamp")


def read_topic(spark: SparkSession, options: Mapping[str, str], topic: str) -> DataFrame:
    """The records of `topic` from its first offset to its present end.

    options: of Spark's Kafka source, with the servers and how to talk to them. Columns: key and
    value (binary), partition, offset, timestamp (the broker's). The topic must exist.
    """
    reader = spark.read.format("kafka").options(**options).option("subscribe", topic)
    frame = reader.option("startingOffsets", "earliest").option("endingOffsets", "latest").load()
    return frame.select(*RECORD_COLUMNS)
