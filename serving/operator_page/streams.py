"""How the streams of a scenario stand, for the operator's page; asked once for everybody."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from threading import Lock

from scenarios.contract.keyed import Keyed, keyed_entities
from scenarios.contract.scenario import Scenario
from serving.sessions import SessionPool
from stores.hbase.connection import Session
from stores.kafka.cluster import KafkaCluster
from stores.records.epochs import read_epoch
from streaming.position.epochs import epoch_warning
from streaming.position.progress import (
    PartitionProgress,
    RecentCounts,
    partition_progress,
    recent_counts,
    recent_markers,
)
from streaming.position.staleness import stream_lag

# At a trigger of a tenth of a second these reach back for about a minute.
_MARKERS = 500
_REREAD_SECONDS = 4.0


@dataclass(frozen=True, kw_only=True)
class StreamStatus:
    """How one stream stands: the scenario's, or a second entity's.

    epoch          its number, and why it began; None before the first start
    waiting_since  when the oldest event that waits reached Kafka, None when none does
    counts         of the last minute
    warning        what an operator must do about its epoch, None when nothing
    """

    name: str
    topic: str
    epoch: int | None
    partitions: Sequence[PartitionProgress]
    waiting_since: datetime | None
    counts: RecentCounts
    warning: str | None = None

    @property
    def waiting(self) -> int:
        """Events that wait to be scored."""
        return sum(part.waiting for part in self.partitions)

    @property
    def written_at_ms(self) -> int | None:
        """When the newest batch was written, UTC epoch milliseconds; None before the first."""
        return max((part.written_at_ms or 0 for part in self.partitions), default=0) or None

    def waiting_seconds(self, now: datetime) -> float:
        """For how long the oldest event has waited; 0 when none does."""
        return max((now - self.waiting_since).total_seconds(), 0.0) if self.waiting_since else 0.0


@dataclass
class Streams:
    """The streams of one scenario; threads may share it.

    read   asks Kafka and HBase
    """

    read: Callable[[], Sequence[StreamStatus]]
    clock: Callable[[], float] = time.monotonic
    _statuses: Sequence[StreamStatus] = ()
    _read_at: float = float("-inf")
    _turn: Lock = field(default_factory=Lock, repr=False)

    def current(self) -> Sequence[StreamStatus]:
        """At most a few seconds old. Raises `KafkaDown`, `TopicMissing`, `StoreDown`."""
        with self._turn:
            if self.clock() - self._read_at > _REREAD_SECONDS:
                self._statuses = self.read()
                self._read_at = self.clock()
            return self._statuses


def streams_of(scenario: Scenario, kafka: KafkaCluster, pool: SessionPool) -> Streams:
    """The stream of `scenario`, and those of its second entities."""

    def read() -> list[StreamStatus]:
        with pool.session() as session:
            streams: list[Keyed] = [scenario, *keyed_entities(scenario)]
            return [_status(keyed, kafka, session) for keyed in streams]

    return Streams(read)


def _status(keyed: Keyed, kafka: KafkaCluster, session: Session) -> StreamStatus:
    topic = keyed.topic("events")
    epoch = read_epoch(session, keyed.name)
    survey = kafka.survey([topic])[topic]
    markers = recent_markers(keyed, session, survey.offsets, limit=_MARKERS)
    lag = stream_lag(keyed, kafka, session, limit_seconds=0.0)
    return StreamStatus(
        name=keyed.name,
        topic=topic,
        epoch=epoch.epoch if epoch else None,
        partitions=partition_progress(keyed, kafka, session, epoch, survey=survey, markers=markers),
        waiting_since=min(lag.waiting_since.values(), default=None),
        counts=recent_counts(markers, now_ms=time.time_ns() // 1_000_000),
        warning=epoch_warning(epoch, survey.identity, scenario=keyed.name),
    )
