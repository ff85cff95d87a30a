"""Archived events with where their keys belong: what the stream knew when it refused some of them.

The epoch that scored an event follows from its position and the epochs' first offsets, as online;
the partitioner and the partition count are those of that epoch. Where no partitioner gives the
home (`custom`, or an epoch from before it was recorded), the dead letters name it.
"""

from collections.abc import Callable, Sequence
from typing import Any

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from features.events.partitioners import CUSTOM
from stores.records.epochs import EpochStart

SCORED_EPOCH = "scored_epoch"


def placed(events: DataFrame, starts: Sequence[EpochStart], homes: DataFrame | None) -> DataFrame:
    """`events` (columns of the archive) with three more, `PLACEMENT_COLUMNS`.

    partitions, partitioner: of the scoring epoch, 0 and custom where `starts` (newest first) do
    not have it; home: -1 where nothing was recorded. homes: of
    `batch.records.archived.recorded_homes`.
    """
    counts = _by_epoch(starts, lambda start: F.lit(len(start.first_offsets)), F.lit(0))
    names = _by_epoch(starts, lambda start: F.lit(start.partitioner or CUSTOM), F.lit(CUSTOM))
    rows = events.withColumn("partitions", counts).withColumn("partitioner", names)
    is_computed = bool(starts) and all(start.partitioner not in (None, CUSTOM) for start in starts)
    if is_computed or homes is None:
        return rows.withColumn("home", F.lit(-1))
    rows = rows.withColumn(SCORED_EPOCH, _scored_epoch(starts))
    joined = rows.join(homes, on=["key", SCORED_EPOCH], how="left")
    # A key may have moved with the epoch: its events are folded in the order of the scoring epochs.
    ordered = joined.withColumn("epoch", F.col(SCORED_EPOCH).cast("int")).drop(SCORED_EPOCH)
    return ordered.withColumn("home", F.coalesce("home", F.lit(-1)))


def _scored_epoch(starts: Sequence[EpochStart]) -> Column:
    """The epoch that scored each event; the archived one where `starts` do not have it."""
    return _by_epoch(starts, lambda start: F.lit(start.epoch), F.col("epoch"))


def _by_epoch(
    starts: Sequence[EpochStart], value_of: Callable[[EpochStart], Column], otherwise: Column
) -> Column:
    if not starts:
        return otherwise
    cases: Any = F
    for start in starts:
        pairs = [
            (F.lit(partition), F.lit(first).cast("bigint"))
            for partition, first in start.first_offsets.items()
        ]
        begins = F.create_map(*[literal for pair in pairs for literal in pair])
        is_in = (F.col("topic_id") == start.topic_id) & (
            F.col("offset") >= begins[F.col("partition")]
        )
        cases = cases.when(is_in, value_of(start))
    column: Column = cases.otherwise(otherwise)
    return column
