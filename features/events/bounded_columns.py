"""Kafka records as Spark columns; keys and values that are too long are cut when they are read.

A value of 100 MB costs its size again in each of Spark's rows, in the Arrow batch, in Python and in
the message that repeats it. Cut in the first projection, it is only read once.
"""

from pyspark.sql import Column
from pyspark.sql import functions as F

from features.events.arrow_records import CUT_COLUMNS, RECORD_COLUMNS


def bounded_columns(*, value_bytes: int, key_bytes: int) -> list[Column]:
    """`RECORD_COLUMNS` with keys and values of so many bytes at most, and the `CUT_COLUMNS`."""
    most = {"key": key_bytes, "value": value_bytes}
    columns = [_begin(name, most[name]) if name in most else F.col(name) for name in RECORD_COLUMNS]
    return columns + [_original(name, most[name.split("_")[0]]) for name in CUT_COLUMNS]


def _begin(name: str, most_bytes: int) -> Column:
    whole = F.col(name)
    begin = F.substring(whole, 1, most_bytes)
    return F.when(F.octet_length(whole) > most_bytes, begin).otherwise(whole).alias(name)


def _original(name: str, most_bytes: int) -> Column:
    whole, _, what = name.partition("_")
    value = F.col(whole)
    original = F.octet_length(value).cast("bigint") if what == "bytes" else F.sha2(value, 256)
    return F.when(F.octet_length(value) > most_bytes, original).alias(name)
