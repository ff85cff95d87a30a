"""Events that wait for the stream while it is behind: shown in order of arrival, not analysed."""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from threading import Lock

from scenarios.contract.scenario import Scenario
from serving.records.spans import records_in
from serving.review_queue.messages import CaseRecord, Shown, key_text, strings_in
from serving.sessions import SessionPool
from stores.hbase.connection import StoreDown, TableMissing
from stores.kafka.cluster import KafkaCluster
from stores.kafka.errors import KafkaDown, TopicMissing
from streaming.position.staleness import waiting_spans

_MOST = 20
# Many reviewers with the page open are one reading of the topic.
_REREAD_SECONDS = 5.0
_AWAY = (StoreDown, TableMissing, KafkaDown, TopicMissing)

Spans = Mapping[int, tuple[int, int]]


@dataclass(frozen=True, kw_only=True)
class WaitingEvent:
    """One event that nobody has scored.

    attachments  field → what it holds, of those that can be shown
    """

    entity: str
    arrived_ms: int
    attachments: Mapping[str, str]


@dataclass
class WaitingEvents:
    """The first events that wait for one stream, for many threads.

    read   their records in order of arrival, at least the first `_MOST`
    shown  what can be shown of an event
    """

    read: Callable[[], Sequence[CaseRecord]]
    shown: Shown
    clock: Callable[[], float] = time.monotonic
    _first: Sequence[WaitingEvent] | None = None
    _read_at: float = float("-inf")
    _turn: Lock = field(default_factory=Lock, repr=False)

    def first(self) -> Sequence[WaitingEvent] | None:
        """The events that came first, at most twenty; None where Kafka or HBase is away."""
        with self._turn:
            if self.clock() - self._read_at > _REREAD_SECONDS:
                self._first, self._read_at = self._read_again(), self.clock()
            return self._first

    def _read_again(self) -> Sequence[WaitingEvent] | None:
        try:
            return [
                WaitingEvent(
                    entity=key_text(record),
                    arrived_ms=record.arrived_ms,
                    attachments=self.shown(strings_in(record.value)),
                )
                for record in self.read()[:_MOST]
            ]
        except _AWAY:
            return None


def waiting_records(
    scenario: Scenario, kafka: KafkaCluster, pool: SessionPool
) -> Sequence[CaseRecord]:
    """The first records of each partition that wait; raises as `waiting_spans`."""
    with pool.session() as session:
        spans = waiting_spans(scenario, kafka, session)
    first = {p: (begin, min(end, begin + _MOST)) for p, (begin, end) in spans.items()}
    if not first:
        return []
    records, _ = records_in(kafka, scenario.topic("events"), first)
    return [CaseRecord(r.value or b"", r.timestamp, r.key) for r in records]
