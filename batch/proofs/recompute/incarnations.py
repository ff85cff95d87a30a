"""Which incarnation of the events topic each epoch's offsets belong to.

A topic that is recreated begins a new epoch, and its offsets start again; a rebuild begins a new
epoch in the middle of the same topic. So an event is named by (topic id, partition, offset), and a
prediction's epoch leads to the topic id.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F


class EpochUnknown(RuntimeError):
    """The archive holds no event of the epoch or an earlier one."""

    exit_code = 4


@dataclass(frozen=True)
class Incarnations:
    """Epoch → id of the topic in which it lies."""

    topic_ids: Mapping[int, str]

    def topic_id(self, epoch: int) -> str | None:
        """The topic of `epoch`; an epoch without events has that of the nearest lower one."""
        lower = [lower_id for lower_id in self.topic_ids if lower_id <= epoch]
        return self.topic_ids[max(lower)] if lower else None

    def require(self, epoch: int) -> str:
        """The topic of `epoch`; raises `EpochUnknown`."""
        topic_id = self.topic_id(epoch)
        if topic_id is None:
            raise EpochUnknown(
                f"the archive has no events of epoch {epoch} or below, it has those of "
                f"{sorted(self.topic_ids)}: run ./spark-submit.sh archive_stream"
            )
        return topic_id

    def column(self, epoch: Column) -> Column:
        """The topic of each row's epoch; null where it is not known."""
        topic = F.lit(None).cast("string")
        for first_epoch in sorted(self.topic_ids):
            topic = F.when(epoch >= first_epoch, self.topic_ids[first_epoch]).otherwise(topic)
        return topic


def incarnations(events: DataFrame) -> Incarnations:
    """Read from the events table; events from before the stream's first epoch do not count."""
    rows = events.where(F.col("epoch") >= 1).select("epoch", "topic_id").distinct().collect()
    return Incarnations({int(row["epoch"]): str(row["topic_id"]) for row in rows})
