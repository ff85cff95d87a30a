"""Records to Kafka at a steady rate, with every acknowledgement counted."""

import math
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import count
from typing import Any

from batch.publishing.event_source import Record
from stores.kafka.errors import KafkaDown
from stores.kafka.producer import send

# A pause shorter than this costs more in scheduling than it gives in evenness.
_SHORTEST_PAUSE_SECONDS = 0.005
_FLUSH_SECONDS = 30.0


@dataclass
class PartitionCount:
    """Acknowledged records of one topic partition and the range of offsets they got."""

    records: int = 0
    first_offset: int = -1
    last_offset: int = -1

    def add(self, offset: int) -> None:
        """Count one acknowledged record."""
        self.records += 1
        self.first_offset = offset if self.first_offset < 0 else min(self.first_offset, offset)
        self.last_offset = max(self.last_offset, offset)


@dataclass
class Published:
    """What became of the records: acknowledged by (topic, partition), sent by kind."""

    sent: int = 0
    bad: int = 0
    kinds: Counter[str] = field(default_factory=Counter)
    partitions: dict[tuple[str, int], PartitionCount] = field(default_factory=dict)
    errors: Counter[str] = field(default_factory=Counter)

    @property
    def acknowledged(self) -> int:
        """Records that Kafka has on all in-sync replicas."""
        return sum(partition.records for partition in self.partitions.values())

    @property
    def failed(self) -> int:
        """Records that were sent and not acknowledged."""
        return max(0, self.sent - self.acknowledged)

    def add(self, record: Record) -> None:
        """Count one sent record."""
        self.sent += 1
        self.bad += record.is_bad
        self.kinds[record.kind] += 1

    def on_acknowledged(self, metadata: Any) -> None:
        """Count an acknowledgement; called by the producer."""
        place = (metadata.topic, metadata.partition)
        self.partitions.setdefault(place, PartitionCount()).add(metadata.offset)

    def on_error(self, error: BaseException) -> None:
        """Count a refused or lost record; called by the producer."""
        self.errors[f"{type(error).__name__}: {error}"] += 1


@dataclass(frozen=True, kw_only=True)
class Pace:
    """How fast and how long; None is without limit."""

    records_per_second: float | None = None
    seconds: float | None = None

    @property
    def total(self) -> int | None:
        """How many records that is; None when it is not limited."""
        if self.records_per_second is None or self.seconds is None:
            return None
        return math.ceil(self.records_per_second * self.seconds)


def publish(
    records: Iterable[Record],
    producer: Any,
    published: Published,
    *,
    topics: Mapping[str, str],
    pace: Pace,
    on_sent: Callable[[], None],
) -> None:
    """Send `records` through a kafka-python `producer`, counting in `published`.

    topics: topic kind → topic. Ends with the records or after `pace.seconds`; waits for all
    acknowledgements then, between records of different topics, and when it is interrupted by a
    signal: labels that follow events get a later broker time than all of them. Each record arrives
    once (an idempotent producer). Raises `KafkaDown` when Kafka does not take records.
    """
    from kafka.errors import KafkaError

    topic_kind = None
    try:
        for record in _when_due(records, pace):
            if topic_kind not in (None, record.topic_kind):
                # Two topics are two queues in the producer: a label could overtake its events.
                producer.flush(timeout=_FLUSH_SECONDS)
            topic_kind = record.topic_kind
            topic = topics[topic_kind]
            future = send(producer, topic, key=record.key, value=record.value)
            published.add(record)
            future.add_callback(published.on_acknowledged)
            future.add_errback(published.on_error)
            on_sent()
    except KafkaError as error:
        raise KafkaDown(f"Kafka stopped taking records: {type(error).__name__}: {error}") from error
    finally:
        producer.flush(timeout=_FLUSH_SECONDS)


def _when_due(records: Iterable[Record], pace: Pace) -> Iterator[Record]:
    """Each record when it is due; created only then, because its time is that of its creation."""
    start_seconds = time.monotonic()
    stream = iter(records)
    for number in count():
        record = next(stream, None) if _is_due(number, pace, start_seconds) else None
        if record is None:
            return
        yield record


def _is_due(number: int, pace: Pace, start_seconds: float) -> bool:
    """Wait until record `number` is due; False when the time is over before."""
    elapsed = time.monotonic() - start_seconds
    due = elapsed if pace.records_per_second is None else number / pace.records_per_second
    if pace.seconds is not None and max(due, elapsed) >= pace.seconds:
        return False
    if due - elapsed > _SHORTEST_PAUSE_SECONDS:
        time.sleep(due - elapsed)
    return True
