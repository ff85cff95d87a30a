"""Whether a latest row may still be acted upon: its validity, and events that wait to be scored."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from scenarios.contract.keyed import Keyed
from stores.hbase.connection import Session
from stores.hbase.predictions import Prediction
from stores.hbase.states import StateTable
from stores.kafka.cluster import KafkaCluster
from stores.records.epochs import read_epoch


@dataclass(frozen=True)
class Staleness:
    """Why a row is stale, in words; empty when it is fresh. `age_seconds` as in the row."""

    age_seconds: float
    reasons: tuple[str, ...]

    @property
    def is_stale(self) -> bool:
        """Whether there is any reason."""
        return bool(self.reasons)


@dataclass(frozen=True)
class StreamLag:
    """Partition → when the oldest event that waits there reached Kafka: read once for all rows.

    A row is stale when events of its partition have waited for over `limit_seconds`: one of them
    may be the entity's own. A stream that runs is behind by less than a second.
    """

    waiting_since: Mapping[int, datetime]
    limit_seconds: float

    def staleness(self, prediction: Prediction, *, now: datetime) -> Staleness:
        """Of `prediction` at `now`."""
        reasons = []
        if prediction.is_stale(now):
            reasons.append(f"it was valid until {_utc(prediction.valid_until)}")
        since = self.waiting_since.get(prediction.source.partition)
        if since is not None and (now - since).total_seconds() > self.limit_seconds:
            partition = f"{prediction.source.topic}-{prediction.source.partition}"
            reasons.append(f"the stream is behind: events of {partition} wait since {_utc(since)}")
        return Staleness(prediction.age_seconds(now), tuple(reasons))


def stream_lag(
    keyed: Keyed, kafka: KafkaCluster, session: Session, *, limit_seconds: float
) -> StreamLag:
    """How far the stream is behind now, by the markers in the store and Kafka's ends.

    Costs a handful of requests, and one record of each partition in which events wait. Raises
    `KafkaDown`, `TopicMissing`, `StoreDown`.
    """
    spans = waiting_spans(keyed, kafka, session)
    ahead = {partition: begin for partition, (begin, _) in spans.items()}
    return StreamLag(kafka.arrivals(keyed.topic("events"), ahead), limit_seconds)


def waiting_spans(
    keyed: Keyed, kafka: KafkaCluster, session: Session
) -> Mapping[int, tuple[int, int]]:
    """Partition → the first offset that waits for the stream and the end, of those that have any.

    Raises as `stream_lag`.
    """
    states = StateTable(session, keyed.name)
    epoch = read_epoch(session, keyed.name)
    spans = {}
    for partition, (first, end) in kafka.offsets(keyed.topic("events")).items():
        begin = epoch.first_offsets.get(partition, first) if epoch else first
        marker = states.newest_marker(partition)
        if marker is not None and epoch is not None and marker.epoch == epoch.epoch:
            begin = marker.offset + 1
        if max(begin, first) < end:
            spans[partition] = (max(begin, first), end)
    return spans


def _utc(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d %H:%M:%S} UTC"
