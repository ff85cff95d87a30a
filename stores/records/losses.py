"""What Kafka dropped before it was used: ranges that a person has accepted, on record for good.

Each is stored twice, in the control table and as a file beside the archive, so that it outlives
either. Nothing ever deletes one.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Literal

import msgspec

from stores.delta.files import Files
from stores.hbase.connection import Session
from stores.hbase.tables import CONTROL

_COLUMN = b"c:loss:"

# Who misses the records: the stream never scored them, the archive never held them, states that
# were built from the archive do not count them.
Missing = Literal["stream", "archive", "states"]


class Loss(msgspec.Struct, frozen=True, kw_only=True):
    """Offsets [first, end) of one partition of the topic `topic_id` that were accepted as lost.

    epoch: of the stream at that time, 0 for topics without one; accepted_at: ISO 8601 in UTC;
    accepted_by: the person and machine, with the command.
    """

    topic: str
    topic_id: str
    partition: int
    first: int
    end: int
    missing_in: Missing
    epoch: int
    accepted_at: str
    accepted_by: str

    @property
    def count(self) -> int:
        """How many offsets that are."""
        return self.end - self.first

    @property
    def name(self) -> str:
        """Names the range: the same range twice is one loss."""
        place = f"{self.topic}-{self.topic_id}-{self.partition}"
        return f"{self.missing_in}-{place}-{self.first}-{self.end}"

    @property
    def text(self) -> str:
        """The range, as a person reads it."""
        where = f"{self.topic}-{self.partition}: offsets {self.first:,} to {self.end - 1:,}"
        return f"{where} ({self.count:,})"

    @property
    def sentence(self) -> str:
        """The range with who accepted it."""
        fates = {
            "stream": "lost to retention before they were scored",
            "archive": "lost to retention before they were archived",
            "states": "not in the states that were rebuilt",
        }
        return f"{self.text} {fates[self.missing_in]}, accepted {self.accepted_at} by " + (
            self.accepted_by
        )


def uncovered(
    losses: Iterable[Loss], *, partition: int, first: int, end: int
) -> list[tuple[int, int]]:
    """The parts of [first, end) of `partition` that no loss covers, in order."""
    parts, at = [], first
    ranges = sorted((loss.first, loss.end) for loss in losses if loss.partition == partition)
    for begin, stop in ranges:
        if stop <= at or begin >= end:
            continue
        if begin > at:
            parts.append((at, begin))
        at = max(at, stop)
    if at < end:
        parts.append((at, end))
    return parts


def behind_losses(losses: Iterable[Loss], *, partition: int, offset: int) -> int:
    """The first offset from `offset` on that no loss covers."""
    ranges = sorted((loss.first, loss.end) for loss in losses if loss.partition == partition)
    for begin, stop in ranges:
        if begin <= offset < stop:
            offset = stop
    return offset


def write_losses(session: Session, stream: str, losses: Sequence[Loss]) -> None:
    """Store `losses` of `stream` in the control table; the same ones twice are stored once."""
    cells = {_COLUMN + loss.name.encode(): msgspec.json.encode(loss) for loss in losses}

    def put(connection: Any) -> None:
        connection.table(CONTROL).put(stream.encode(), cells)

    if cells:
        session.call(put)


def read_losses(session: Session, stream: str) -> list[Loss]:
    """The losses of `stream` in the control table, by topic, partition and offset."""

    def get(connection: Any) -> Any:
        return connection.table(CONTROL).row(stream.encode(), columns=[b"c"])

    cells: Mapping[bytes, bytes] = session.call(get)
    return _in_order(
        msgspec.json.decode(cell, type=Loss)
        for column, cell in cells.items()
        if column.startswith(_COLUMN)
    )


@dataclass(frozen=True)
class LossFiles:
    """The losses of one stream as files in `folder`, one for each."""

    files: Files
    folder: str

    def write(self, losses: Sequence[Loss]) -> None:
        """Store `losses`; those that are there stay as they are."""
        present = set(self.files.names(self.folder))
        for loss in losses:
            if f"{loss.name}.json" not in present:
                text = msgspec.json.encode(loss).decode()
                self.files.write(f"{self.folder}/{loss.name}.json", text)

    def read(self) -> list[Loss]:
        """All of them, by topic, partition and offset."""
        names = [name for name in self.files.names(self.folder) if name.endswith(".json")]
        texts = [self.files.read(f"{self.folder}/{name}") for name in names]
        return _in_order(msgspec.json.decode(text, type=Loss) for text in texts if text)


@dataclass(frozen=True)
class LossBook:
    """Reads and records the losses of one stream, in both places.

    accepted_by: who would accept a loss, with the command that says so.
    """

    session: Session
    stream: str
    files: LossFiles
    accepted_by: str
    clock: Callable[[], datetime] = lambda: datetime.now(UTC)

    def all(self) -> list[Loss]:
        """The losses in either place."""
        losses = {loss.name: loss for loss in self.files.read()}
        losses |= {loss.name: loss for loss in read_losses(self.session, self.stream)}
        return _in_order(losses.values())

    def accept(
        self,
        ranges: Sequence[tuple[int, int, int]],
        *,
        topic: str,
        topic_id: str,
        missing_in: Missing,
        epoch: int = 0,
    ) -> list[Loss]:
        """Record (partition, first, end) as accepted, in both places, and return them."""
        at = self.clock().astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
        losses = [
            Loss(
                topic=topic,
                topic_id=topic_id,
                partition=partition,
                first=first,
                end=end,
                missing_in=missing_in,
                epoch=epoch,
                accepted_at=at,
                accepted_by=self.accepted_by,
            )
            for partition, first, end in sorted(ranges)
        ]
        self.files.write(losses)
        write_losses(self.session, self.stream, losses)
        return losses


def _in_order(losses: Iterable[Loss]) -> list[Loss]:
    return sorted(losses, key=lambda loss: (loss.topic, loss.partition, loss.first, loss.end))
