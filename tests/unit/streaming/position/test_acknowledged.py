"""After real-time mode a stream goes on where its frames say that Kafka has all messages."""

from dataclasses import dataclass, field
from typing import Any, cast

from stores.hbase.states import KeptMarkers, Marker, StateTable
from stores.records.epochs import EpochRecord
from streaming.advance.next_epoch import scored_upto
from streaming.position.checkpoints import Checkpoints, Generation
from streaming.position.resume import acknowledged_upto, generation_to_run
from streaming.position.retention import Losses
from tests.unit.streaming.position.test_checkpoints import MemoryFiles, checkpoints, log_batch

RECORD = EpochRecord(
    epoch=1,
    topic="tiny.events",
    topic_id="a",
    partitions=1,
    first_offsets={0: 0},
    begun_at="2026-11-30T00:00:00.000Z",
    reason="first start",
)


@dataclass
class Table:
    """The markers of partition 0, the newest first; all of them are kept."""

    markers: list[Marker] = field(default_factory=list)

    def add(self, offset: int, *, published_upto: int = -1, generation: int = 1) -> None:
        """One more batch, which ends with `offset`."""
        marker = Marker(
            partition=0,
            epoch=1,
            offset=offset,
            published_upto=published_upto,
            generation=generation,
        )
        self.markers = [known for known in self.markers if known.offset != offset]
        self.markers = sorted([*self.markers, marker], key=lambda known: -known.offset)

    def kept_markers(self, partition: int, *, limit: int | None = None) -> KeptMarkers:
        kept = [(marker.position, marker) for marker in self.markers[:limit]]
        return KeptMarkers(limit or 1_000, kept)


def run(stream: Checkpoints, table: Table, **changes: Any) -> Generation:
    values: dict[str, Any] = {
        "held": {0: (0, 1_000)},
        "losses": cast(Losses, None),
        "replay_from": None,
        "log": lambda line: None,
    }
    return generation_to_run(stream, cast(StateTable, table), RECORD, **{**values, **changes})


def test_real_time_mode_goes_on_at_the_newest_frame_that_is_published() -> None:
    stream, table = checkpoints(MemoryFiles()), Table()
    first = run(stream, table, is_real_time=True)
    assert first.start == {0: 0}
    table.add(9)
    table.add(19, published_upto=10)
    table.add(29, published_upto=20)
    table.add(39, published_upto=20)
    second = run(stream, table, is_real_time=True)
    assert (second.number, second.start) == (2, {0: 20})


def test_what_an_earlier_run_said_stays_true() -> None:
    table = Table()
    table.add(29, published_upto=20)
    table.add(35)  # a run that has only begun
    assert acknowledged_upto(cast(StateTable, table), RECORD) == {0: 20}


def test_each_mode_goes_on_where_the_other_ended_and_not_in_its_checkpoint() -> None:
    files, table = MemoryFiles(), Table()
    stream = checkpoints(files)
    batches = run(stream, table)
    log_batch(files, batches, 0, {"0": 10})
    files.write(f"{batches.checkpoint}/commits/0", "v1\n{}")
    table.add(9)
    assert run(stream, table) == batches

    frames = run(stream, table, is_real_time=True)
    assert (frames.number, frames.start) == (2, {0: 10})
    table.add(19)
    table.add(29, published_upto=20)
    again = run(stream, table)
    assert (again.number, again.start) == (3, {0: 20})
    assert run(stream, table) == again


def test_an_epoch_owes_nothing_that_frames_have_published() -> None:
    stream, table = checkpoints(MemoryFiles()), Table()
    run(stream, table, is_real_time=True)
    table.add(29, published_upto=20)
    assert scored_upto(stream, RECORD) == {0: 0}
    assert scored_upto(stream, RECORD, cast(StateTable, table)) == {0: 20}


def test_a_replay_that_is_killed_goes_on_where_it_was_in_either_mode() -> None:
    files, table = MemoryFiles(), Table()
    stream = checkpoints(files)
    run(stream, table, is_real_time=True)
    for offset in range(9, 99, 10):
        table.add(offset, published_upto=offset - 9)
    replay = run(stream, table, is_real_time=True, replay_from={0: 20})
    assert (replay.number, replay.start) == (2, {0: 20})
    table.add(29, published_upto=-1, generation=2)
    table.add(39, published_upto=30, generation=2)
    again = run(stream, table, is_real_time=True)
    assert (again.number, again.start) == (3, {0: 30})
    assert run(stream, table, is_real_time=True).start == {0: 30}  # nothing was published since

    batches = run(stream, table)
    assert batches.start == {0: 30}
    log_batch(files, batches, 0, {"0": 40})
    files.write(f"{batches.checkpoint}/commits/0", "v1\n{}")
    assert run(stream, table) == batches
