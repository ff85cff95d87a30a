"""What Kafka still holds, compared with where a stream has to go on: no loss goes unnoticed.

When retention overtakes a stream, the stream refuses and names the lost ranges. Going on without
them is a person's decision; it is recorded before anything else happens, and the marker that is
written at the end of a lost range lets exactly that jump pass the check between batches.
"""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from stores.hbase.stamps import stamp
from stores.hbase.states import Marker, StateTable
from stores.records.epochs import EpochRecord
from stores.records.losses import Loss, LossBook, uncovered
from streaming.position.checkpoints import Offsets
from streaming.position.refusals import EpochChanged, LostToRetention, ReplayRefused
from streaming.position.remedies import remedy

# Partition → (first offset that Kafka holds, offset of the next record).
Held = Mapping[int, tuple[int, int]]
Ranges = Mapping[int, tuple[int, int]]
# Partition → offsets at which a batch may begin, as the store's markers say.
BatchEnds = Callable[[int], Sequence[int]]


@dataclass
class Losses:
    """Lost records of the stream `name`: those recorded so far, and whether more are accepted.

    command: what a person runs to go on without them; accepts: whether this is that command. It
    counts for the current start, not for the next one.
    """

    name: str
    book: LossBook
    log: Callable[[str], None]
    command: str
    accepts: bool = False

    def of_topic(self, topic: str, topic_id: str) -> list[Loss]:
        """The recorded losses of a topic that the stream has not read."""
        return [
            loss
            for loss in self.book.all()
            if (loss.topic, loss.topic_id, loss.missing_in) == (topic, topic_id, "stream")
        ]

    def pass_over(self, ranges: Ranges, *, topic: str, topic_id: str, epoch: int) -> list[Loss]:
        """Record the parts of partition → [first, end) that are not recorded yet; returns them.

        Raises `LostToRetention` when there is such a loss and it is not accepted.
        """
        recorded = self.of_topic(topic, topic_id)
        new = [
            (partition, *part)
            for partition, (first, end) in sorted(ranges.items())
            for part in uncovered(recorded, partition=partition, first=first, end=end)
        ]
        if not new:
            return []
        if not self.accepts:
            parts = [
                f"{topic}-{partition} offsets {first:,} to {end - 1:,} ({end - first:,})"
                for partition, first, end in new
            ]
            raise LostToRetention(
                f"Kafka no longer holds what {self.name} has to read next: {'; '.join(parts)} are "
                "gone, by the topic's retention or by hand. Raise retention.ms or retention.bytes "
                f"of the topic; to go on without them run {self.command}, which records the loss"
            )
        accepted = self.book.accept(
            new, topic=topic, topic_id=topic_id, missing_in="stream", epoch=epoch
        )
        for loss in accepted:
            self.log(f"{loss.sentence}: going on at {loss.end:,}")
        return accepted


def start_behind_losses(
    table: StateTable,
    record: EpochRecord,
    starts: Offsets,
    *,
    held: Held,
    ends: BatchEnds,
    losses: Losses,
) -> Offsets:
    """`starts`, partition → batch end, moved to the first offset that can be read.

    Raises `LostToRetention` when Kafka no longer holds what is to be read, and nobody accepts it.
    """
    behind = {
        partition: (at, next_start(ends(partition), held[partition][0]))
        for partition, at in starts.items()
        if partition in held and at < held[partition][0]
    }
    if not behind:
        return starts
    losses.pass_over(behind, topic=record.topic, topic_id=record.topic_id, epoch=record.epoch)
    for partition, (_, end) in behind.items():
        if end not in ends(partition):
            _mark(table, record, partition=partition, end=end)
    return {**starts, **{partition: end for partition, (_, end) in behind.items()}}


def next_start(ends: Sequence[int], held_from: int) -> int:
    """The first offset from `held_from` on at which a batch may begin: rows may be further."""
    return min((end for end in ends if end >= held_from), default=held_from)


def _mark(table: StateTable, record: EpochRecord, *, partition: int, end: int) -> None:
    """A batch may begin at `end`: what lies before it is in the store or recorded as lost."""
    marker = Marker(
        partition=partition,
        epoch=record.epoch,
        offset=end - 1,
        written_at_ms=time.time_ns() // 1_000_000,
    )
    table.write_marker(marker, position=stamp(record.epoch, end - 1))


def check_held(record: EpochRecord, wanted: Offsets, held: Held) -> None:
    """Raise `EpochChanged` when a partition ends before what was read of it."""
    for partition, at in wanted.items():
        if partition in held and at > held[partition][1]:
            raise EpochChanged(
                f"{record.topic}-{partition} ends at offset {held[partition][1]:,}, although it "
                f"was read up to {at:,}: Kafka has lost acknowledged records, and new ones get "
                f"their offsets. Run {remedy(_stream(record), 'advance_epoch')}"
            )


def check_replay(
    record: EpochRecord, replay_from: Offsets, *, reached: Offsets, held: Held, ends: BatchEnds
) -> None:
    """Raise `ReplayRefused` unless a replay from `replay_from` repeats events, and skips none.

    reached: where the stream would go on without a replay.
    """
    for partition, at in replay_from.items():
        if partition not in record.first_offsets:
            raise ReplayRefused(
                f"--replay-from {partition}:{at}: {record.topic} has no partition {partition}, "
                f"epoch {record.epoch} has {sorted(record.first_offsets)}"
            )
        upto = reached[partition]
        lowest = min(next_start(ends(partition), held.get(partition, (0, 0))[0]), upto)
        if not lowest <= at <= upto:
            why = f"events from {upto:,} on would be skipped" if at > upto else "it is too early"
            raise ReplayRefused(
                f"--replay-from {partition}:{at}: {why}; possible for {record.topic}-{partition} "
                f"in epoch {record.epoch} is {lowest} to {upto}, where the stream goes on"
            )


def _stream(record: EpochRecord) -> str:
    return record.topic.removesuffix(".events")
