"""Offsets of a topic that hold no readable record, recorded while Kafka can still show it.

Spark's source fails when Kafka no longer has an offset that was requested. So what it skips in a
range that lies before the last stable offset was never readable: markers of transactions and
aborted records. The archive stores rows that stand for them, next to the records.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

# Spark numbers the rows of each task by the lower bits of `monotonically_increasing_id`.
_ROW_OF_TASK = (1 << 33) - 1


@dataclass(frozen=True, order=True)
class Span:
    """Offsets [begin, end) of a partition."""

    partition: int
    begin: int
    end: int

    @property
    def offsets(self) -> int:
        """How many there are."""
        return self.end - self.begin


def gaps_in(records: DataFrame, begin: Mapping[int, int], end: Mapping[int, int]) -> list[Span]:
    """The parts of [begin, end) of each partition without a row in `records`, a scan of Kafka.

    A scan has a task per partition, in offset order: offset minus row number is constant within
    consecutive offsets, so that only runs of them have to be exchanged.
    """
    number = F.monotonically_increasing_id().bitwiseAND(F.lit(_ROW_OF_TASK))
    runs = (
        records.select("partition", "offset", (F.col("offset") - number).alias("run"))
        .groupBy("partition", "run")
        .agg(F.min("offset").alias("begin"), (F.max("offset") + 1).alias("end"))
        .collect()
    )
    spans = [Span(row["partition"], row["begin"], row["end"]) for row in runs]
    return list(complement(spans, begin, end))


def complement(
    runs: Iterable[Span], begin: Mapping[int, int], end: Mapping[int, int]
) -> Iterator[Span]:
    """The parts of [begin, end) of each partition that are in none of `runs`, in order."""
    reached = dict(begin)
    for run in sorted(runs):
        if run.begin > reached[run.partition]:
            yield Span(run.partition, reached[run.partition], run.begin)
        reached[run.partition] = max(reached[run.partition], run.end)
    for partition, upto in end.items():
        if upto > reached[partition]:
            yield Span(partition, reached[partition], upto)


def spans_frame(spark: Any, spans: Iterable[Span]) -> DataFrame:
    """Columns partition, offset, until: a row per span."""
    rows = [(span.partition, span.begin, span.end) for span in spans]
    frame: DataFrame = spark.createDataFrame(rows, "partition int, offset bigint, until bigint")
    return frame
