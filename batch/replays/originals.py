"""The whole value of an event whose dead letter repeats its beginning only."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from pyspark.sql import SparkSession
from pyspark.sql import functions as F

from batch.records.archived import archived_table
from batch.replays.ledger import Position
from stores.delta.tables import DeltaPlace, is_table
from stores.kafka.clients import new_consumer

_WAIT_MS = 5_000
_LARGEST_BYTES = 64 * 1024 * 1024


@dataclass
class Originals:
    """Asks Kafka, then the archive, by source position.

    client_options: keyword arguments of every kafka-python client; topic_ids: epoch → id of the
    incarnation of `topic` in which its offsets lie; topic_id: of the topic as it is now
    """

    spark: SparkSession
    place: DeltaPlace
    client_options: Mapping[str, Any]
    topic: str
    topic_id: str
    topic_ids: Mapping[int, str]
    _consumer: Any = field(default=None, repr=False)

    def fetch(self, position: Position) -> bytes | None:
        """The value of the event at (epoch, partition, offset); None when neither has it."""
        epoch, partition, offset = position
        topic_id = self.topic_ids.get(epoch, self.topic_id)
        value = self._from_kafka(partition, offset) if topic_id == self.topic_id else None
        return value if value is not None else self._archived(topic_id, partition, offset)

    def close(self) -> None:
        """Close the connection to Kafka."""
        if self._consumer is not None:
            self._consumer.close()

    def _from_kafka(self, partition: int, offset: int) -> bytes | None:
        from kafka import TopicPartition
        from kafka.errors import UnsupportedCodecError

        if self._consumer is None:
            self._consumer = new_consumer(
                self.client_options,
                auto_offset_reset="earliest",
                max_partition_fetch_bytes=_LARGEST_BYTES,
            )
        place = TopicPartition(self.topic, partition)
        self._consumer.assign([place])
        self._consumer.seek(place, offset)
        try:
            polled = self._consumer.poll(timeout_ms=_WAIT_MS, max_records=1)
        except UnsupportedCodecError:  # zstd or snappy, as its producer packed it
            return None
        for record in polled.get(place, ()):
            if record.offset == offset:
                value: bytes | None = record.value
                return value
        return None

    def _archived(self, topic_id: str, partition: int, offset: int) -> bytes | None:
        path = self.place.path("events")
        if not is_table(self.spark, path):
            return None
        at = (F.col("partition") == partition) & (F.col("offset") == offset)
        events = archived_table(self.spark, self.place, "events")
        rows = events.where(at & (F.col("topic_id") == topic_id)).select("value").take(1)
        return bytes(rows[0]["value"]) if rows and rows[0]["value"] is not None else None
