"""Whether offsets hold no readable record, as Kafka shows; nothing is assumed.

Markers of transactions and aborted records take offsets that no reader ever sees. A batch behind
them does not begin where the one before it ended; neither does it when the store lost a batch. Only
Kafka can distinguish the two.
"""

import logging
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from kafka import TopicPartition
from kafka.errors import KafkaError, OffsetOutOfRangeError, UnsupportedCodecError

from stores.kafka.clients import new_consumer
from stores.kafka.cluster import KafkaCluster
from stores.kafka.errors import KafkaDown
from streaming.passes.settings import PassSettings

# (partition, begin, end) → whether Kafka shows that no readable record is in [begin, end).
GapCheck = Callable[[int, int, int], bool]

# The answer includes the record behind the gap: as little of it as the broker will send.
_FETCH_BYTES = 16_384
_FETCH_WAIT_MS = 100


def never_empty(partition: int, begin: int, end: int) -> bool:
    """For callers that cannot ask Kafka: every gap may hold a record."""
    return False


def gap_check(settings: PassSettings) -> GapCheck:
    """The check of gaps in the events topic of `settings`, for a worker."""
    if settings.kafka is None:
        return never_empty
    return Gaps(settings.kafka, f"{settings.scenario}.events").are_empty


@dataclass
class Gaps:
    """Asks Kafka about gaps of `topic`; it connects at the first question and stays connected.

    4 ms a question once connected. A stream of transactions asks one per partition and micro-batch.
    """

    kafka: KafkaCluster
    topic: str
    _consumer: Any = None

    def are_empty(self, partition: int, begin: int, end: int) -> bool:
        """Whether no readable record is in [begin, end) of `partition`.

        False as well when nothing can be shown: Kafka no longer holds the offsets, they lie beyond
        the last stable offset, or the partition is gone. Raises `KafkaDown`.
        """
        if begin >= end:
            return True
        with self._asking() as consumer:
            return self._shown(consumer, TopicPartition(self.topic, partition), begin, end)

    def close(self) -> None:
        """Close the connection; the next question makes another."""
        consumer, self._consumer = self._consumer, None
        if consumer is not None:
            consumer.close()

    def _shown(self, consumer: Any, place: TopicPartition, begin: int, end: int) -> bool:
        consumer.assign([place])
        consumer.seek(place, begin)
        give_up_at = time.monotonic() + self.kafka.timeout_seconds
        while time.monotonic() < give_up_at:
            try:
                polled = consumer.poll(timeout_ms=_FETCH_WAIT_MS, max_records=1)
            except OffsetOutOfRangeError:
                return False
            except UnsupportedCodecError:
                return _first_packed(consumer) >= end
            if records := polled.get(place):
                return bool(records[0].offset >= end)
            if consumer.position(place) >= end:
                return True
            if consumer.end_offsets([place])[place] < end:
                return False
        raise KafkaDown(
            f"Kafka {self.kafka.bootstrap_servers} did not show within "
            f"{self.kafka.timeout_seconds:g} s what is in {self.topic}-{place.partition} from "
            f"offset {begin} on"
        )

    @contextmanager
    def _asking(self) -> Iterator[Any]:
        try:
            if self._consumer is None:
                logging.getLogger("kafka").setLevel(logging.ERROR)  # it warns of intended settings
                self._consumer = new_consumer(
                    self.kafka.client_options,
                    auto_offset_reset="none",
                    fetch_max_wait_ms=_FETCH_WAIT_MS,
                    max_partition_fetch_bytes=_FETCH_BYTES,
                )
            yield self._consumer
        except (KafkaError, OSError) as error:
            self.close()
            raise KafkaDown(
                f"Kafka {self.kafka.bootstrap_servers} does not answer "
                f"({type(error).__name__}: {error})"
            ) from error


def _first_packed(consumer: Any) -> int:
    """Where the readable batch begins that kafka-python cannot unpack, for zstd or snappy.

    It has skipped markers and aborted batches up to there; the batch's content is not needed.
    """
    fetched = consumer._fetcher._next_partition_records
    begins = int(fetched.next_fetch_offset)
    fetched.drain()
    return begins
