"""Begins, checks and advances the epoch, within which an offset always means the same record."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from msgspec.structs import replace

from stores.hbase.connection import Session
from stores.hbase.region_markers import open_epoch
from stores.hbase.stamps import FIRST_EPOCH
from stores.hbase.states import StateTable
from stores.kafka.cluster import KafkaCluster, TopicIdentity
from stores.records.epochs import EpochRecord, read_epoch
from streaming.position.refusals import EpochChanged, EpochLost
from streaming.position.remedies import remedy


@dataclass(frozen=True)
class Traces:
    """Traces of earlier epochs where the control table has none.

    in_store, in_checkpoints   the newest epoch with a batch's marker, or with a checkpoint; 0: none
    in_archive                 the newest epoch in the archive
    is_scored                  whether the archive holds predictions on that epoch's topic
    """

    in_store: int = 0
    in_checkpoints: int = 0
    in_archive: EpochRecord | None = None
    is_scored: bool = False

    @property
    def newest(self) -> int:
        """The newest epoch of all."""
        archived = self.in_archive.epoch if self.in_archive else 0
        return max(self.in_store, self.in_checkpoints, archived)


@dataclass(frozen=True, kw_only=True)
class EpochPlan:
    """How a stream's first epoch begins: at the `earliest` or `latest` offsets of `topic`, with
    keys placed by `partitioner`.
    """

    scenario: str
    topic: str
    starting: str
    partitioner: str


def epoch_for_start(
    kafka: KafkaCluster,
    session: Session,
    plan: EpochPlan,
    *,
    traces: Callable[[TopicIdentity], Traces],
    log: Callable[[str], None],
) -> EpochRecord:
    """The epoch to run in; a stream's first start begins the first one.

    traces: called where the control table has no epoch. Raises `EpochChanged` when the topic is
    not the one that the record describes, and `EpochLost` when an epoch has begun before, for
    whose states the record must be restored.
    """
    identity = kafka.identity(plan.topic)
    record = read_epoch(session, plan.scenario)
    if record is None:
        earlier_traces = traces(identity)
        check_nothing_lost(earlier_traces, identity, plan)
        first = first_epoch(kafka, identity, plan, earlier_traces)
        if first.earlier:
            log(
                f"the archive has epochs up to {first.earlier[0].epoch} of an earlier "
                f"{plan.topic}: epoch {first.epoch} begins from empty states; to begin from the "
                f"archived ones, stop and run {remedy(plan.scenario, 'rebuild_state')}"
            )
        if not first.begun_at:  # from the archive: it begins now
            first = replace(first, reason="first start", begun_at=_now())
        return open_epoch(session, plan.scenario, first)
    check_identity(record, identity, scenario=plan.scenario)
    return record


def epoch_to_archive(
    kafka: KafkaCluster,
    session: Session,
    plan: EpochPlan,
    *,
    traces: Callable[[TopicIdentity], Traces],
) -> EpochRecord:
    """The epoch that events archived now belong to; nothing is begun.

    Before the stream's first start, or after the control table was lost, it is the archive's epoch
    or, where none there fits the topic, the one that `score_stream` would begin. Raises
    `EpochChanged` when the topic is not the one that the control table describes.
    """
    identity = kafka.identity(plan.topic)
    record = read_epoch(session, plan.scenario)
    if record is None:
        return first_epoch(kafka, identity, plan, traces(identity))
    check_identity(record, identity, scenario=plan.scenario)
    return record


def check_nothing_lost(traces: Traces, identity: TopicIdentity, plan: EpochPlan) -> None:
    """Raise `EpochLost` where states of an earlier epoch may still exist, or must be restored."""
    archived = traces.in_archive
    is_same_topic = archived is not None and archived.topic_id == identity.topic_id
    if traces.in_store:
        where = f"its table has rows of epoch {traces.in_store}"
    elif traces.in_checkpoints:
        where = f"there are checkpoints of epoch {traces.in_checkpoints}"
    elif archived and is_same_topic and traces.is_scored:
        where = f"the archive has predictions up to epoch {archived.epoch}"
    else:
        return
    raise EpochLost(
        f"the control table has no epoch of {plan.scenario}, but {where}: run "
        f"{remedy(plan.scenario, 'rebuild_state')}, which restores epoch and deployment"
    )


def first_epoch(
    kafka: KafkaCluster, identity: TopicIdentity, plan: EpochPlan, traces: Traces
) -> EpochRecord:
    """The epoch that the archive has of this topic, or the one that events belong to now."""
    archived = traces.in_archive
    is_same = archived is not None and (archived.topic_id, archived.partitions) == (
        identity.topic_id,
        len(identity.partitions),
    )
    if archived is not None and is_same and archived.epoch >= traces.newest:
        return replace(archived, topic=plan.topic)
    end = 0 if plan.starting == "earliest" else 1
    begin = {partition: ends[end] for partition, ends in kafka.offsets(plan.topic).items()}
    before = archived.epoch if archived else FIRST_EPOCH - 1
    epoch = traces.in_store if traces.in_store > before else before + 1
    return begun(
        identity,
        begin,
        epoch=epoch,
        reason="first start",
        partitioner=plan.partitioner,
        is_whole_history=epoch == FIRST_EPOCH,
        after=archived,
    )


def epoch_in_store(session: Session, name: str, partitions: Iterable[int]) -> int:
    """The newest epoch of which the table of `name` has a batch's marker; 0 without any."""
    table = StateTable(session, name)
    markers = [marker for partition in partitions if (marker := table.newest_marker(partition))]
    # The first markers of the first epoch may be there although a killed start never began it.
    return max((m.epoch for m in markers if m.written_at_ms or m.epoch > FIRST_EPOCH), default=0)


def check_identity(record: EpochRecord, identity: TopicIdentity, *, scenario: str) -> None:
    """Raise `EpochChanged` when `identity` is another topic than `record` describes."""
    way_out = f"run {remedy(scenario, 'advance_epoch')}"
    if identity.topic_id != record.topic_id:
        raise EpochChanged(
            f"topic {identity.name} was recreated (id {record.topic_id} is now "
            f"{identity.topic_id}); offsets start again, old stamps would lie: {way_out}"
        )
    if len(identity.partitions) != record.partitions:
        raise EpochChanged(
            f"topic {identity.name} had {record.partitions} partitions, now "
            f"{len(identity.partitions)}; keys have moved between partitions: {way_out}"
        )


def check_partitioner_of(record: EpochRecord, declared: str, *, scenario: str) -> None:
    """Raise `EpochChanged` when the epoch began with another partitioner than is declared now."""
    if record.partitioner not in (None, declared):
        raise EpochChanged(
            f"epoch {record.epoch} of {record.topic} began with keys placed by "
            f"{record.partitioner}, the scenario now declares {declared}; keys have other home "
            f"partitions: run {remedy(scenario, 'advance_epoch')}"
        )


def epoch_warning(
    record: EpochRecord | None, identity: TopicIdentity, *, scenario: str
) -> str | None:
    """Why nothing new of the topic `identity` is scored in `record`'s epoch; None when it is."""
    if record is None:
        return f"no epoch of {scenario} has begun: nothing of {identity.name} was scored"
    try:
        check_identity(record, identity, scenario=scenario)
    except EpochChanged as changed:
        return changed.message
    return None


def begun(
    identity: TopicIdentity,
    first_offsets: Mapping[int, int],
    *,
    epoch: int,
    reason: str,
    partitioner: str,
    is_whole_history: bool = True,
    after: EpochRecord | None = None,
) -> EpochRecord:
    """A new epoch over the topic as it is now; `after` is the one that it follows."""
    return EpochRecord(
        epoch=epoch,
        topic=identity.name,
        topic_id=identity.topic_id,
        partitions=len(identity.partitions),
        first_offsets=dict(first_offsets),
        reason=reason,
        begun_at=_now(),
        is_whole_history=is_whole_history,
        earlier=after.starts if after else (),
        partitioner=partitioner,
    )


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")
