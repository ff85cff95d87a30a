"""Where the stream goes on, so that store and topic both miss nothing and nothing is folded twice.

Spark's checkpoint says what was published; the markers in the store say where batches ended. The
stream goes on at the last batch end that is not after the checkpoint: later would lose messages,
anywhere else would read states that were never written there.
"""

from collections.abc import Callable
from functools import partial

from stores.epochs import EpochRecord
from stores.stamps import stamp
from stores.states import StateTable
from streaming.checkpoints import Checkpoints, Generation, Offsets
from streaming.gaps import GapCheck, never_empty
from streaming.refusals import TrimmedHistory
from streaming.remedies import remedy
from streaming.retention import Held, Losses, check_held, check_replay, start_behind_losses

Log = Callable[[str], None]


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
) -> Generation:
    """The generation to run: the current one, or a new one that begins at a batch end.

    held: what Kafka has of the topic; `losses` decides what to do about the rest. `replay_from`
    asks for a replay from older offsets (partition → offset); partitions that it does not name go
    on where they are. Raises `LostToRetention`, `ReplayRefused`, `EpochChanged` when a partition
    ends before what was read of it, and `TrimmedHistory`.
    """
    generation = checkpoints.current()
    if generation is None:
        wanted = dict(record.first_offsets)
    else:
        wanted = dict(checkpoints.resumes_at(generation, record.topic))
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
    if generation is not None and not replay_from and aligned == wanted:
        return generation
    if generation is not None:
        for partition, offset in aligned.items():
            if offset != wanted[partition] or replay_from:
                log(f"{record.topic}-{partition}: goes on at {offset}, a batch end in the store")
    return checkpoints.begin(aligned)


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

    Raises `TrimmedHistory` when states below it may no longer be kept: HBase drops versions
    beyond the kept number when it flushes, file by file, so a deeper read could find a state that
    is not the newest below its stamp.
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
    """The offsets at which a batch may begin, newest first, as far as they are kept."""
    kept = table.kept_markers(partition)
    ends = [marker.offset + 1 for at, marker in kept.markers if at >= stamp(record.epoch, 0)]
    if len(ends) < kept.limit:
        ends.append(record.first_offsets[partition])  # all batches since the epoch began are kept
    return ends
