"""Going on after a topic was recreated, its partitions changed, or states were rebuilt."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import partial

import msgspec

from stores.hbase.stamps import MAX_OFFSET
from stores.hbase.states import StateTable
from stores.kafka.cluster import KafkaCluster
from stores.records.epochs import EpochRecord
from streaming.position.checkpoints import Checkpoints, Offsets
from streaming.position.epochs import begun
from streaming.position.gaps import Gaps
from streaming.position.resume import acknowledged_upto, batch_end_before, batch_ends
from streaming.position.retention import Losses, start_behind_losses


@dataclass(frozen=True)
class NextEpoch:
    """The epoch to begin, and what the old one owes: partition → (a batch end, end)."""

    record: EpochRecord
    owed: Mapping[int, tuple[int, int]]


def next_epoch(
    kafka: KafkaCluster,
    checkpoints: Checkpoints,
    table: StateTable,
    old: EpochRecord,
    *,
    partitioner: str,
    losses: Losses,
) -> NextEpoch | None:
    """The epoch that fits the topic and the declared `partitioner`; None when the old one does.

    A recreated topic begins at its first offsets; otherwise the old epoch is finished up to the
    committed end of its partitions, where they go on, and new ones begin at their first offsets. So
    does a partition that ends before what was scored of it: Kafka has lost records. Raises
    `LostToRetention` when Kafka no longer holds what the old epoch owes, unless that is accepted.
    """
    identity, offsets = kafka.identity(old.topic), kafka.offsets(old.topic)
    first = {partition: begin for partition, (begin, _) in offsets.items()}
    owed: dict[int, tuple[int, int]] = {}
    is_same_topic = identity.topic_id == old.topic_id
    for partition in old.first_offsets:  # an epoch begins with states that are all there
        batch_end_before(table, old, partition=partition, offset=MAX_OFFSET)
    if not is_same_topic:
        why = f"topic recreated: id {old.topic_id} is now {identity.topic_id}"
    else:
        done, gaps = scored_upto(checkpoints, old, table), Gaps(kafka, old.topic)
        starts = {
            # Spark's checkpoint may know newer partitions, unscored.
            partition: batch_end_before(
                table,
                old,
                partition=partition,
                offset=done[partition],
                are_empty=gaps.are_empty,
            )
            for partition in old.first_offsets
        }
        gaps.close()
        cut = {p: (offsets[p][1], at) for p, at in done.items() if at > offsets[p][1]}
        changed = changes(old, partitions=len(identity.partitions), partitioner=partitioner)
        ends_early = [
            f"partition {p} ends at {end}, it was scored up to {at}" for p, (end, at) in cut.items()
        ]
        why = "; ".join(filter(None, [changed, *ends_early]))
        if why:
            ends = partial(batch_ends, table, old)
            starts = dict(
                start_behind_losses(table, old, starts, held=offsets, ends=ends, losses=losses)
            )
        for partition, begin in starts.items():
            first[partition] = offsets[partition][1]
            if begin < first[partition] and partition not in cut:
                owed[partition] = (begin, first[partition])
    if not why:
        return None
    record = begun(
        identity,
        first,
        epoch=old.epoch + 1,
        reason=why,
        partitioner=partitioner,
        is_whole_history=old.is_whole_history and is_same_topic,
        after=old,
    )
    return NextEpoch(record, owed)


def changes(old: EpochRecord, *, partitions: int, partitioner: str) -> str:
    """What has changed about the same topic since `old`, in words; empty when nothing has."""
    differences = []
    if partitions != old.partitions:
        differences.append(f"{old.partitions} partitions are now {partitions}")
    if partitioner != old.partitioner:
        before = old.partitioner or "a partitioner that was not recorded"
        differences.append(f"keys placed by {before} are now placed by {partitioner}")
    return ", ".join(differences)


def epoch_of_rebuild(
    kafka: KafkaCluster,
    old: EpochRecord,
    first: Offsets,
    *,
    partitioner: str,
    after_epoch: int,
) -> EpochRecord:
    """The epoch of states rebuilt from the archive: it goes on at the offsets `first`.

    A topic that was recreated since is read from its beginning. Of the same topic the epoch has
    the partitions and the partitioner that the old one had, whatever has changed since: what it
    still owes was placed by those, and `advance_epoch` goes on from there. after_epoch: the newest
    epoch of which there is any trace.
    """
    identity = kafka.identity(old.topic)
    is_same_topic = identity.topic_id == old.topic_id
    if is_same_topic:
        identity = replace(identity, partitions=tuple(sorted(old.first_offsets)))
        partitioner = old.partitioner or partitioner
    else:
        first = {partition: begin for partition, (begin, _) in kafka.offsets(old.topic).items()}
    return begun(
        identity,
        first,
        epoch=max(old.epoch, after_epoch) + 1,
        reason="states rebuilt from the archive" + ("" if is_same_topic else ", topic recreated"),
        partitioner=partitioner,
        is_whole_history=old.is_whole_history and is_same_topic,
        after=old,
    )


def with_all_partitions(kafka: KafkaCluster, archived: EpochRecord) -> EpochRecord:
    """The record `archived`, which lacks partitions without archived events, with all of them."""
    if kafka.identity(archived.topic).topic_id != archived.topic_id:
        return archived
    offsets = kafka.offsets(archived.topic)
    first = {partition: begin for partition, (begin, _) in offsets.items()}
    return msgspec.structs.replace(
        archived, partitions=len(offsets), first_offsets={**first, **archived.first_offsets}
    )


def scored_upto(
    checkpoints: Checkpoints, record: EpochRecord, table: StateTable | None = None
) -> Offsets:
    """Partition → offset of the first event whose messages may not have been published.

    table: its markers may know more than the checkpoint, after real-time mode; None: do not look.
    """
    saved = {**record.first_offsets, **checkpoints.place(record.topic).offsets}
    if table is None:
        return saved
    acknowledged = acknowledged_upto(table, record)
    return {partition: max(at, acknowledged[partition]) for partition, at in saved.items()}
