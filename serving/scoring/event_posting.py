"""Events that count: checked as producers' events are, published, and awaited on request."""

from collections.abc import Callable
from contextlib import AbstractContextManager, ExitStack
from dataclasses import dataclass, field
from datetime import datetime
from queue import Empty, SimpleQueue
from threading import Lock
from typing import Any, Protocol

from features.attachments import AttachmentSource
from features.byte_column import ByteColumn
from features.events.decode import EventDecoder
from features.events.partitioners import CUSTOM, home_partitions
from scenarios.contract.scenario import Scenario
from serving.rows.view import RowView
from serving.scoring.errors import HomeUnclear
from serving.scoring.event_documents import decoded_events, entity_in
from serving.sessions import SessionPool
from stores.hbase.states import Marker, StateTable
from stores.kafka.cluster import KafkaCluster
from stores.kafka.errors import KafkaDown
from stores.kafka.producer import open_producer, send
from stores.records.epochs import EpochRecord, read_epoch
from stores.records.homes import UNKNOWN, HomeTable
from streaming.position.remedies import remedy

_ACKNOWLEDGED_SECONDS = 20.0


@dataclass(frozen=True, kw_only=True)
class Posted:
    """Where an event lies; epoch: None before the stream's first start."""

    entity: str
    topic: str
    partition: int
    offset: int
    epoch: int | None


@dataclass(frozen=True)
class Progress:
    """Whether the stream has dealt with a posted event.

    is_past   it has written everything of the partition up to the event
    row       the entity's latest row, if that shows the event or a later one
    """

    is_past: bool
    row: RowView | None = None


class Latest(Protocol):
    """Reads latest rows, such as `LatestRows`."""

    def one(self, entity: str, now: datetime) -> RowView | None:
        """The row of `entity`, or None."""
        ...


class StreamRecords(Protocol):
    """What the stream has written of itself."""

    def epoch(self) -> EpochRecord | None:
        """The current epoch; None before the stream's first start."""
        ...

    def home(self, entity: str, epoch: int) -> int:
        """The recorded home partition of `entity`; `UNKNOWN` where none is."""
        ...

    def marker(self, partition: int) -> Marker | None:
        """The partition's newest marker."""
        ...


@dataclass(frozen=True)
class StoredStreamRecords:
    """The same in HBase; each raises `StoreDown` or `TableMissing`."""

    pool: SessionPool
    scenario: str

    def epoch(self) -> EpochRecord | None:
        """As `StreamRecords.epoch`."""
        with self.pool.session() as session:
            return read_epoch(session, self.scenario)

    def home(self, entity: str, epoch: int) -> int:
        """As `StreamRecords.home`."""
        with self.pool.session() as session:
            return int(HomeTable(session, self.scenario).read([entity], epoch=epoch)[0])

    def marker(self, partition: int) -> Marker | None:
        """As `StreamRecords.marker`."""
        with self.pool.session() as session:
            return StateTable(session, self.scenario).newest_marker(partition)


@dataclass
class ProducerInUse:
    """A producer that is opened at the first event, again after Kafka was away, and shared.

    open: `stores.kafka.producer.open_producer` bound to its options
    """

    open: Callable[[], AbstractContextManager[Any]]
    _opened: ExitStack | None = field(default=None, repr=False)
    _producer: Any = field(default=None, repr=False)
    _turn: Lock = field(default_factory=Lock, repr=False)

    def producer(self) -> Any:
        """The producer; raises `KafkaDown`."""
        with self._turn:
            if self._opened is None:
                with ExitStack() as stack:
                    self._producer = stack.enter_context(self.open())
                    self._opened = stack.pop_all()
            return self._producer

    def close(self) -> None:
        """Close it; the next event opens another."""
        with self._turn:
            if self._opened is not None:
                self._opened.close()
            self._opened, self._producer = None, None


def producer_in_use(kafka: KafkaCluster, *, max_event_bytes: int) -> ProducerInUse:
    """A producer for events up to `max_event_bytes` on `kafka`, each sent at once."""
    return ProducerInUse(
        lambda: open_producer(kafka.client_options, max_event_bytes=max_event_bytes, linger_ms=0)
    )


class EventPosting:
    """Publishes events of one scenario; for many threads."""

    def __init__(
        self,
        scenario: Scenario,
        records: StreamRecords,
        latest: Latest,
        producer: ProducerInUse,
        *,
        max_event_bytes: int,
        max_future_skew_seconds: float,
        attachments: AttachmentSource | None = None,
    ) -> None:
        """attachments: where contents that events only refer to are read from"""
        self.scenario = scenario
        self._records, self._latest, self._producer = records, latest, producer
        self._topic = scenario.topic("events")
        self._decoder = EventDecoder(
            scenario.schema,
            max_event_bytes=max_event_bytes,
            max_future_skew_seconds=max_future_skew_seconds,
            attachments=attachments,
        )

    def post(self, raw: bytes, now_ms: int) -> Posted:
        """Publish the event `raw` under its entity's key in its home partition.

        Acknowledged by all in-sync replicas; the same call again publishes a second event. Raises
        `EventsRefused` for an event that would become a dead letter, `HomeUnclear`, `KafkaDown`,
        `StoreDown`, `TableMissing`.
        """
        named = entity_in(raw, self.scenario.schema)
        # Without an entity, the decoder refuses the event for what is wrong with it.
        key = b"" if named is None else named.encode()
        (entity,) = decoded_events(self._decoder, [raw], key=key, now_ms=now_ms).entities
        epoch, producer = self._records.epoch(), self._producer.producer()
        home = self._home(entity, epoch, self._partitions(producer, epoch))
        offset = self._acknowledged(producer, key=key, value=raw, partition=home)
        return Posted(
            entity=entity,
            topic=self._topic,
            partition=home,
            offset=offset,
            epoch=epoch.epoch if epoch else None,
        )

    def progress(self, posted: Posted, now: datetime) -> Progress:
        """How far the stream is; raises `StoreDown` or `TableMissing`."""
        marker = self._records.marker(posted.partition)
        if marker is None or (posted.epoch or 0, posted.offset) > (marker.epoch, marker.offset):
            return Progress(is_past=False)
        row = self._latest.one(posted.entity, now)
        source = None if row is None else row.prediction.source
        is_shown = (
            source is not None
            and source.partition == posted.partition
            and source.offset >= posted.offset
        )
        return Progress(is_past=True, row=row if is_shown else None)

    def _home(self, entity: str, epoch: EpochRecord | None, partitions: int) -> int:
        partitioner = self.scenario.partitioner if epoch is None else epoch.partitioner or CUSTOM
        if partitioner != CUSTOM:
            return int(
                home_partitions(ByteColumn.of([entity.encode()]), partitioner, partitions)[0]
            )
        home = UNKNOWN if epoch is None else self._records.home(entity, epoch.epoch)
        if home == UNKNOWN:
            raise HomeUnclear(
                f"the producers of {self.scenario.name} place keys by a rule of their own, and no "
                "event of this entity was seen yet, so its home is not known: nothing was "
                "published; its first event must come from such a producer"
            )
        return home

    def _partitions(self, producer: Any, epoch: EpochRecord | None) -> int:
        from kafka.errors import KafkaError

        try:
            partitions = len(producer.partitions_for(self._topic) or ())
        except KafkaError as error:
            self._producer.close()
            raise KafkaDown(
                f"Kafka does not say which partitions {self._topic} has "
                f"({type(error).__name__}: {error})"
            ) from error
        if epoch is not None and epoch.partitions != partitions:
            raise HomeUnclear(
                f"{self._topic} has {partitions} partitions, epoch {epoch.epoch} began with "
                f"{epoch.partitions}: nothing was published; run "
                f"{remedy(self.scenario.name, 'advance_epoch')}"
            )
        return partitions

    def _acknowledged(self, producer: Any, **record: Any) -> int:
        """The offset of the sent record; raises `KafkaDown` unless Kafka acknowledges it."""
        outcomes: SimpleQueue[Any] = SimpleQueue()
        future = send(producer, self._topic, **record)
        future.add_callback(outcomes.put)
        future.add_errback(outcomes.put)
        try:
            outcome = outcomes.get(timeout=_ACKNOWLEDGED_SECONDS)
        except Empty:
            outcome = TimeoutError(f"no answer within {_ACKNOWLEDGED_SECONDS:g} s")
        if isinstance(outcome, BaseException):
            raise KafkaDown(
                f"Kafka has not acknowledged the event on {self._topic} "
                f"({type(outcome).__name__}: {outcome}); whether it is there is not known: look "
                "before posting it again"
            ) from outcome
        return int(outcome.offset)
