"""The epochs of a scenario beside its archive: they must outlive the control table in HBase."""

from collections.abc import Sequence
from typing import Any

import msgspec
from pyspark.sql import SparkSession

from stores.delta.tables import DeltaPlace, is_table, read_table
from stores.records.epochs import EpochStart

TABLE = "epochs"
_COLUMNS = "epoch int, topic_id string, start string"


def keep_epochs(spark: SparkSession, place: DeltaPlace, starts: Sequence[EpochStart]) -> None:
    """Append those of `starts` that the table does not have; the table is created when missing."""
    stored_numbers = {epoch_start.epoch for epoch_start in stored_epochs(spark, place)}
    rows: list[Any] = [
        (start.epoch, start.topic_id, msgspec.json.encode(start).decode())
        for start in starts
        if start.epoch not in stored_numbers
    ]
    if rows:
        writer = spark.createDataFrame(rows, _COLUMNS).coalesce(1).write.format("delta")
        writer.mode("append").options(**place.properties).save(place.path(TABLE))


def completed_epochs(
    spark: SparkSession, place: DeltaPlace, starts: Sequence[EpochStart]
) -> tuple[EpochStart, ...]:
    """`starts` and the stored epochs, newest first; a stored one counts where it says more.

    After the control table was lost, `starts` were read from the archive, without partitioners.
    """
    starts_by_epoch = {start.epoch: start for start in starts}
    for epoch_start in stored_epochs(spark, place):
        start = starts_by_epoch.get(epoch_start.epoch)
        if start is None or start.partitioner is None:
            starts_by_epoch[epoch_start.epoch] = epoch_start
    return tuple(sorted(starts_by_epoch.values(), key=lambda start: start.epoch, reverse=True))


def stored_epochs(spark: SparkSession, place: DeltaPlace) -> tuple[EpochStart, ...]:
    """The epochs in the table, newest first; none in an archive that is older than the table."""
    path = place.path(TABLE)
    if not is_table(spark, path):
        return ()
    rows = read_table(spark, path, made_by="archive_stream").select("start").distinct().collect()
    starts = [msgspec.json.decode(row["start"], type=EpochStart) for row in rows]
    return tuple(sorted(starts, key=lambda start: start.epoch, reverse=True))
