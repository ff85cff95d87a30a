"""Going on after a topic was recreated, its partitions changed, or states were made anew."""

from collections.abc import Mapping
from dataclasses import dataclass

from stores.epochs import EpochRecord
from streaming.checkpoints import Checkpoints, Offsets
from streaming.epochs import begun, check_identity
from streaming.topics import KafkaCluster


class OrderUnknown(RuntimeError):
    """Events of one entity wait in two partitions; which came first cannot be known."""

    exit_code = 4


@dataclass(frozen=True)
class NextEpoch:
    """The epoch to begin, and events of the old one that were not scored: partition → how many."""

    record: EpochRecord
    waiting: Mapping[int, int]


def next_epoch(kafka: KafkaCluster, checkpoints: Checkpoints, old: EpochRecord) -> NextEpoch | None:
    """The epoch that fits the topic as it is now; None when the old one does.

    A recreated topic begins at its first offsets; otherwise each partition goes on where the
    stream's checkpoint stands, and new partitions begin at their first offsets.
    """
    identity, offsets = kafka.identity(old.topic), kafka.offsets(old.topic)
    first = {partition: begin for partition, (begin, _) in offsets.items()}
    waiting: dict[int, int] = {}
    is_same_topic = identity.topic_id == old.topic_id
    if not is_same_topic:
        why = f"topic recreated: id {old.topic_id} is now {identity.topic_id}"
    else:
        done = scored_upto(checkpoints, old)
        first |= {p: max(begin, done[p]) for p, begin in first.items() if p in done}
        waiting = {p: offsets[p][1] - first[p] for p in done if offsets[p][1] > first[p]}
        changed = len(identity.partitions) != old.partitions
        why = f"{old.partitions} partitions are now {len(identity.partitions)}" if changed else ""
    if not why:
        return None
    record = begun(
        identity,
        first,
        epoch=old.epoch + 1,
        reason=why,
        is_whole_history=old.is_whole_history and is_same_topic,
    )
    return NextEpoch(record, waiting)


def epoch_of_rebuild(
    kafka: KafkaCluster, checkpoints: Checkpoints, old: EpochRecord
) -> EpochRecord:
    """The epoch of states made anew from the events: it goes on where the checkpoint stands.

    Raises `EpochChanged` when the topic is not the one of `old`.
    """
    identity = kafka.identity(old.topic)
    check_identity(old, identity, scenario=checkpoints.scenario)
    first, reason = scored_upto(checkpoints, old), "states rebuilt from the events"
    return begun(identity, first, epoch=old.epoch + 1, reason=reason)


def scored_upto(checkpoints: Checkpoints, record: EpochRecord) -> Offsets:
    """Partition → offset of the first event whose messages may not have been published."""
    generation = checkpoints.current()
    if generation is None:
        return dict(record.first_offsets)
    return checkpoints.resumes_at(generation, record.topic)
