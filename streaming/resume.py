"""Where the stream goes on, so that store and topic both miss nothing and nothing is folded twice.

Spark's checkpoint says what was published; the markers in the store say where batches ended. The
stream goes on at the last batch end that is not after the checkpoint: later would lose messages,
anywhere else would read states that were never written there.
"""

from collections.abc import Callable

from stores.epochs import EpochRecord
from stores.stamps import stamp
from stores.states import StateTable
from streaming.checkpoints import Checkpoints, Generation, Offsets
from streaming.refusals import TrimmedHistory

Log = Callable[[str], None]


def generation_to_run(
    checkpoints: Checkpoints,
    table: StateTable,
    record: EpochRecord,
    *,
    replay_from: Offsets | None,
    log: Log,
) -> Generation:
    """The generation to run: the current one, or a new one that begins at a batch end.

    `replay_from` asks for a replay from older offsets (partition → offset); partitions that it
    does not name go on where they are.
    """
    generation = checkpoints.current()
    if generation is None:
        wanted = dict(record.first_offsets)
    else:
        wanted = dict(checkpoints.resumes_at(generation, record.topic))
    wanted |= dict(replay_from or {})
    aligned = {
        partition: batch_end_before(table, record, partition=partition, offset=offset)
        for partition, offset in wanted.items()
    }
    if generation is not None and not replay_from and aligned == wanted:
        return generation
    if generation is not None:
        for partition, offset in aligned.items():
            if offset != wanted[partition] or replay_from:
                log(f"{record.topic}-{partition}: goes on at {offset}, a batch end in the store")
    return checkpoints.begin(aligned)


def batch_end_before(
    table: StateTable, record: EpochRecord, *, partition: int, offset: int
) -> int:
    """The last offset ≤ `offset` at which a batch may begin.

    Raises `TrimmedHistory` when the store no longer knows any.
    """
    first = record.first_offsets[partition]
    if offset <= first:
        return first
    marker = table.marker(partition, below=stamp(record.epoch, offset))
    if marker is not None and marker.epoch == record.epoch:
        return marker.offset + 1
    newest = table.marker(partition)
    if newest is not None and newest.epoch == record.epoch:
        raise TrimmedHistory(
            f"no batch end at or before offset {offset} of {record.topic}-{partition} is kept; "
            f"the newest is {newest.offset + 1}: replay from there, or run ./spark-submit.sh "
            f"rebuild_state --scenario {table.scenario}"
        )
    return first
