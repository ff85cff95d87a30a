"""How far a stream has come, partition by partition, as numbers; jobs and pages show them."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from scenarios.contract.keyed import Keyed
from stores.hbase.connection import Session
from stores.hbase.states import Marker, StateTable
from stores.kafka.cluster import KafkaCluster, Survey
from stores.records.epochs import EpochRecord
from streaming.position.gaps import Gaps

# Partition → the markers of its last batches, the newest first.
Markers = Mapping[int, Sequence[Marker]]


@dataclass(frozen=True, kw_only=True)
class PartitionProgress:
    """How far one partition of an events topic is in its states.

    first, end   the offsets that Kafka has: [first, end) is committed
    done_upto    before it everything is in the states
    waiting      offsets behind it, unless Kafka shows that none holds a readable record
    uncommitted  offsets behind the end that belong to transactions that are still open
    markers      of the last batches, the newest first
    newest       the newest marker of all, None before the first batch
    """

    partition: int
    first: int
    end: int
    done_upto: int
    waiting: int
    uncommitted: int
    markers: Sequence[Marker]
    newest: Marker | None

    @property
    def written_at_ms(self) -> int | None:
        """When the last batch was written, UTC epoch milliseconds; None before the first one."""
        written_at_ms = self.newest.written_at_ms if self.newest else 0
        return written_at_ms or None  # 0 also in the marker that an epoch begins with


@dataclass(frozen=True, kw_only=True)
class RecentCounts:
    """What became of the events of the batches since a time, and how many seconds those cover."""

    seconds: float
    predictions: int
    suppressed: int
    dead_letters: int

    @property
    def events(self) -> int:
        """All of them."""
        return self.predictions + self.suppressed + self.dead_letters

    @property
    def rate(self) -> float:
        """Events per second."""
        return self.events / self.seconds if self.seconds > 0 else 0.0


def recent_markers(
    keyed: Keyed, session: Session, partitions: Iterable[int], *, limit: int | None = None
) -> Markers:
    """The newest markers that `keyed` has stored: `limit`, or as many as a state has versions."""
    states = StateTable(session, keyed.name)
    return {
        partition: [marker for _, marker in states.kept_markers(partition, limit=limit).markers]
        for partition in partitions
    }


def partition_progress(
    keyed: Keyed,
    kafka: KafkaCluster,
    session: Session,
    epoch: EpochRecord | None,
    *,
    survey: Survey,
    markers: Markers,
) -> list[PartitionProgress]:
    """How far the events topic of `keyed`, as in `survey`, is in its states of `epoch`.

    Nothing is of a topic that is not the epoch's, or of partitions that the epoch lacks. Raises
    `KafkaDown`, `TopicMissing`, `StoreDown`.
    """
    topic, states = keyed.topic("events"), StateTable(session, keyed.name)
    gaps, uncommitted = Gaps(kafka, topic), kafka.uncommitted(topic)
    partitions = []
    try:
        for partition, (first, end) in survey.offsets.items():
            marker = states.newest_marker(partition)
            upto = max(first, done_upto(marker, survey, epoch, partition=partition))
            # Behind the last record may stand the marker of its transaction: nothing that waits.
            waiting = 0 if gaps.are_empty(partition, upto, end) else end - upto
            partitions.append(
                PartitionProgress(
                    partition=partition,
                    first=first,
                    end=end,
                    done_upto=upto,
                    waiting=waiting,
                    uncommitted=uncommitted.get(partition, 0),
                    markers=markers[partition],
                    newest=marker,
                )
            )
    finally:
        gaps.close()
    return partitions


def done_upto(
    marker: Marker | None, survey: Survey, epoch: EpochRecord | None, *, partition: int
) -> int:
    """The offset before which all of the partition's events are in the states of `epoch`."""
    if epoch is None or epoch.topic_id != survey.identity.topic_id:
        return 0
    if marker is not None and marker.epoch == epoch.epoch:
        return marker.offset + 1
    return epoch.first_offsets.get(partition, 0)


def recent_counts(markers: Markers, *, now_ms: int, window_seconds: float = 60.0) -> RecentCounts:
    """What the batches of the last `window_seconds` did, or of as much of it as `markers` reach."""
    begin_ms = now_ms - int(window_seconds * 1000)
    for recent in markers.values():
        oldest_ms = min((m.written_at_ms for m in recent if m.written_at_ms), default=0)
        if len(recent) > 1 and oldest_ms > begin_ms:
            begin_ms = oldest_ms  # older batches are beyond what was read
    counted = [m for recent in markers.values() for m in recent if m.written_at_ms > begin_ms]
    return RecentCounts(
        seconds=(now_ms - begin_ms) / 1000,
        predictions=sum(marker.predictions for marker in counted),
        suppressed=sum(marker.suppressed for marker in counted),
        dead_letters=sum(marker.dead_letters for marker in counted),
    )
