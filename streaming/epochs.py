"""Begins, checks and advances the epoch: the promise that offsets mean what the stamps say."""

from collections.abc import Mapping
from datetime import UTC, datetime

from stores.connection import Session
from stores.epochs import EpochRecord, read_epoch, write_epoch
from stores.stamps import FIRST_EPOCH
from streaming.refusals import EpochChanged
from streaming.remedies import remedy
from streaming.topics import KafkaCluster, TopicIdentity


def epoch_for_start(
    kafka: KafkaCluster,
    session: Session,
    *,
    scenario: str,
    topic: str,
    starting: str,
    partitioner: str,
) -> EpochRecord:
    """The epoch to run in; the scenario's first start begins the first one, at the `earliest` or
    the `latest` offsets as `starting` says, with keys placed by `partitioner`.

    Raises `EpochChanged` when the topic is not the one that the record describes.
    """
    identity = kafka.identity(topic)
    record = read_epoch(session, scenario)
    if record is None:
        chosen = 0 if starting == "earliest" else 1
        begin = {partition: ends[chosen] for partition, ends in kafka.offsets(topic).items()}
        record = begun(
            identity, begin, epoch=FIRST_EPOCH, reason="first start", partitioner=partitioner
        )
        write_epoch(session, scenario, record)
        return record
    check_identity(record, identity, scenario=scenario)
    return record


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
        begun_at=datetime.now(UTC).isoformat(timespec="seconds"),
        is_whole_history=is_whole_history,
        earlier=after.starts if after else (),
        partitioner=partitioner,
    )
