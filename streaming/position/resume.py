"""Where the stream goes on, so that store and topic both miss nothing and nothing is folded twice.

Spark's checkpoint says what was published; the markers in the store say where batches ended. The
stream goes on at the last batch end that is not after the checkpoint: a later one would lose
messages, any other offset would read states that were never written there.
"""

from collections.abc import Callable
from functools import partial

from stores.hbase.connection import Session
from stores.hbase.region_markers import region_prefixes, with_markers_in
from stores.hbase.stamps import FIRST_EPOCH, stamp
from stores.hbase.states import StateTable
from stores.records.epochs import EpochRecord
from streaming.position.checkpoints import Checkpoints, Generation, Offsets
from streaming.position.gaps import GapCheck, never_empty
from streaming.position.refusals import StatesLost, TrimmedHistory
from streaming.position.remedies import remedy
from streaming.position.retention import Held, Losses, check_held, check_replay, start_behind_losses

Log = Callable[[str], None]

# A trigger takes the events of a partition in a few batches: at the settings' defaults four.
_BATCHES_OF_A_TRIGGER = 100
# What one says stays true; the newest may be of a run that had only begun.
_MARKERS_LOOKED_AT = 500


def generation_to_run(
    checkpoints: Checkpoints,
    table: StateTable,
    record: EpochRecord,
    *,
    held: Held,
    losses: Losses,
    replay_from: Offsets | None,
    log: Log,
    are_empty: GapCheck = never_empty,
    is_real_time: bool = False,
) -> Generation:
    """The generation to run: the current one, or a new one that begins at a batch end.

    In real-time mode it is always a new one: Spark saves where it is once in a batch of an hour,
    the frames' markers say it up to the last moment.

    held: what Kafka has of the topic; `losses` decides what to do about the rest. `replay_from`
    requests a replay from older offsets (partition → offset); partitions that it does not name go
    on where they are. Raises `LostToRetention`, `ReplayRefused`, `EpochChanged` when a partition
    ends before what was read of it, `StatesLost` and `TrimmedHistory`.
    """
    saved = checkpoints.place(record.topic)
    saved_offsets = {**record.first_offsets, **saved.offsets}
    # What was published before a replay began says nothing about where the replay is.
    only_of = saved.generation.number if saved.generation and saved.is_replay else None
    acknowledged = acknowledged_upto(table, record, generation=only_of)
    wanted = {p: max(at, acknowledged[p]) for p, at in saved_offsets.items()}
    is_readable = saved.generation is not None and not saved.damage
    if not is_readable:  # the offsets may be too old, so what is certainly published counts
        published = published_upto(table, record)
        wanted = {partition: max(at, published[partition]) for partition, at in wanted.items()}
    ends = partial(batch_ends, table, record)
    check_held(record, wanted, held)
    check_replay(record, replay_from or {}, reached=wanted, held=held, ends=ends)
    wanted |= dict(replay_from or {})
    aligned = {
        partition: batch_end_before(
            table, record, partition=partition, offset=offset, are_empty=are_empty
        )
        for partition, offset in wanted.items()
    }
    aligned = dict(start_behind_losses(table, record, aligned, held=held, ends=ends, losses=losses))
    is_micro_batch = not (is_real_time or saved.is_real_time)
    goes_on = is_readable and not replay_from and aligned == wanted == saved_offsets
    if saved.generation is not None and goes_on and is_micro_batch:
        return saved.generation
    is_first = saved.generation is None and not saved.damage and aligned == record.first_offsets
    for partition, offset in aligned.items():
        is_elsewhere = offset != wanted[partition] or replay_from or not is_readable
        if not is_first and is_elsewhere:
            log(f"{record.topic}-{partition}: goes on at {offset}, a batch end in the store")
    if saved.damage:
        log(f"checkpoint cannot be read ({'; '.join(saved.damage)}): a new one begins there")
    is_replay = bool(replay_from) or saved.is_replay
    return checkpoints.begin(aligned, is_real_time=is_real_time, is_replay=is_replay)


def acknowledged_upto(
    table: StateTable, record: EpochRecord, *, generation: int | None = None
) -> dict[int, int]:
    """Partition → an offset before which Kafka has acknowledged all messages, by the markers.

    Frames of real-time mode say so; without any it is where the epoch began. generation: only what
    frames of this one say.
    """
    upto = {}
    for partition, first in record.first_offsets.items():
        markers = table.kept_markers(partition, limit=_MARKERS_LOOKED_AT).markers
        known = [
            marker.published_upto
            for _, marker in markers
            if marker.epoch == record.epoch and generation in (None, marker.generation)
        ]
        upto[partition] = max([first, *known])
    return upto


def published_upto(table: StateTable, record: EpochRecord) -> dict[int, int]:
    """Partition → an offset before which all messages are certainly published, by the markers.

    A batch's marker is written before its messages leave the worker, but those of earlier
    micro-batches have left: `_BATCHES_OF_A_TRIGGER` markers back is a safe place.
    """
    published = {}
    for partition, first in record.first_offsets.items():
        markers = table.kept_markers(partition, limit=_BATCHES_OF_A_TRIGGER).markers
        ends = [marker.offset + 1 for _, marker in markers if marker.epoch == record.epoch]
        published[partition] = min(ends) if len(ends) == _BATCHES_OF_A_TRIGGER else first
    return published


def batch_end_before(
    table: StateTable,
    record: EpochRecord,
    *,
    partition: int,
    offset: int,
    are_empty: GapCheck = never_empty,
) -> int:
    """The last offset ≤ `offset` at which a batch may begin.

    That is `offset` itself where nothing readable lies between it and the end of a batch, as behind
    the markers of transactions.

    It is a batch's end in every region that has markers: a region that lost acknowledged writes
    ends earlier than the others. Raises `StatesLost` when a region has none at all, and
    `TrimmedHistory` when states below `offset` may no longer be kept: HBase drops versions beyond
    the kept number when it flushes, file by file, so a deeper read could find a state that is not
    the newest below its stamp.
    """
    first = record.first_offsets[partition]
    ends = batch_ends(table, record, partition)
    possible = [end for end in ends if end <= max(offset, first)]
    if not possible:
        raise TrimmedHistory(
            f"a replay of {record.topic}-{partition} from offset {offset} is too deep: the oldest "
            f"possible is {min(ends)} (hbase.state_versions); replay from there, or run "
            f"{remedy(table.scenario, 'rebuild_state')}"
        )
    end = max(possible)
    return offset if end < offset and are_empty(partition, end, offset) else end


def batch_ends(table: StateTable, record: EpochRecord, partition: int) -> list[int]:
    """The offsets at which a batch may begin, newest first, as far as they are retained.

    Only those that are ends in every region that has markers; raises `StatesLost` without any.
    """
    retained = table.kept_markers(partition)
    ends = [marker.offset + 1 for _, marker in retained.markers if marker.epoch == record.epoch]
    if record.regions is None:
        if len(ends) < retained.limit:
            ends.append(record.first_offsets[partition])  # all since the epoch began are retained
        return ends
    if not retained.markers:
        raise states_lost(record, partition, "its first region")
    stamps = table.region_stamps(partition, limit=retained.limit)
    for prefix, in_region in stamps.items():
        if not in_region:
            raise states_lost(record, partition, f"its region from {prefix!r} on")
    begin = stamp(record.epoch, 0)
    common = [
        end
        for end in ends
        if all(begin + end - 1 in region_stamps for region_stamps in stamps.values())
    ]
    if not common:
        raise states_lost(record, partition, "one of its regions")
    return common


def with_all_markers(
    session: Session, record: EpochRecord, checkpoints: Checkpoints, *, log: Log
) -> EpochRecord:
    """`record` with markers in all regions that its table has now.

    Tables from before such markers existed get them, and so do regions that were split since.
    Raises `StatesLost` when a table that must have rows has no marker at all.
    """
    name = stream_of(record)
    regions = region_prefixes(session, name)
    table = StateTable(session, name)
    if record.regions is not None and set(regions) <= set(record.regions):
        return record
    if all(table.newest_marker(partition) is None for partition in record.first_offsets):
        upto = checkpoints.place(record.topic).offsets
        is_past_start = any(at > record.first_offsets.get(p, at) for p, at in upto.items())
        if record.regions is not None or record.epoch > FIRST_EPOCH or is_past_start:
            raise states_lost(record, min(record.first_offsets), "it")
    log(f"{name}: markers are written into the regions that had none: {', '.join(regions)}")
    return with_markers_in(table, record, regions)


def stream_of(record: EpochRecord) -> str:
    """The name of the stream whose events are in the record's topic."""
    return record.topic.removesuffix(".events")


def states_lost(record: EpochRecord, partition: int, where: str) -> StatesLost:
    """The refusal to go on with a table that has lost rows; `where` names the part of it."""
    name = stream_of(record)
    return StatesLost(
        f"table {name} has lost rows: epoch {record.epoch} ({record.reason}) has begun, but "
        f"{where} holds no marker of {record.topic}-{partition}. Nothing was scored from empty "
        f"states: run {remedy(name, 'rebuild_state')}"
    )
