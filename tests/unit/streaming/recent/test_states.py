"""A lane returns what was last stored in it, and nothing where that is doubtful."""

import multiprocessing
import random
from collections.abc import Sequence

import pytest

from stores.hbase.connection import HBaseStore
from stores.hbase.stamps import stamp
from stores.hbase.states import Marker
from streaming.passes.settings import PassSettings
from streaming.recent.states import Lane, SharedMemory
from streaming.recent.table import RememberedTable


def lane(memory: SharedMemory, owner: str = "a", number: int = 0) -> Lane:
    """A lane among two."""
    return Lane(memory, owner, number=number, lanes=2)


@pytest.fixture
def memory() -> SharedMemory:
    """Little memory, so that it is soon full."""
    return SharedMemory(1 << 17)


def test_what_was_kept_is_found_by_any_process_that_shares_the_memory(memory: SharedMemory) -> None:
    child = multiprocessing.get_context("fork").Process(
        target=lambda: lane(memory).keep(["x", "Zoë"], [b"1", b"22"], begin=0, position=9)
    )
    child.start()
    child.join()
    assert lane(memory).find(["Zoë", "y", "x"], before=10).cells == [b"22", None, b"1"]


def test_nothing_is_known_below_the_end_of_the_last_batch(memory: SharedMemory) -> None:
    lane(memory).keep(["x"], [b"1"], begin=0, position=9)
    for before in (8, 9):
        assert lane(memory).find(["x"], before=before).cells == [None]
    assert lane(memory).find(["x"], before=13).position == 9
    assert lane(memory, "another query").find(["x"], before=10).cells == [None]
    assert lane(memory, number=1).find(["x"], before=10).cells == [None]


def test_a_batch_that_follows_adds_and_one_that_does_not_begins_anew(memory: SharedMemory) -> None:
    one = lane(memory)
    one.keep(["x", "y"], [b"1", b"1"], begin=0, position=9)
    one.keep(["y"], [b"longer"], begin=9, position=19)
    assert one.find(["x", "y"], before=20).cells == [b"1", b"longer"]
    one.keep(["z"], [b"3"], begin=15, position=29)
    assert one.find(["x", "y", "z"], before=30).cells == [None, None, b"3"]


def test_a_full_lane_forgets_but_never_errs(memory: SharedMemory) -> None:
    pick, one = random.Random(1), lane(memory)
    truth: dict[str, bytes] = {}
    hits = 0
    for batch in range(400):
        ids = pick.sample([f"c{number}" for number in range(400)], 30)
        result = one.find(ids, before=batch + 1)
        for id_, cell in zip(ids, result.cells, strict=True):
            assert cell is None or cell == truth[id_]
        hits += result.count
        cells = [pick.randbytes(pick.choice([0, 50, 50, 200, 40_000])) for _ in ids]
        truth.update(zip(ids, cells, strict=True))
        one.keep(ids, cells, begin=batch, position=batch + 1)
    assert 1000 < hits < 11_000


class Store:
    """A store that records which entities are read."""

    def __init__(self) -> None:
        self.cells: dict[str, bytes] = {}
        self.marker: Marker | None = None
        self.entities_read: list[str] = []

    def below(
        self, entities: Sequence[str], *, partition: int, position: int
    ) -> tuple[list[bytes | None], Marker | None]:
        """Whatever is there."""
        self.entities_read = list(entities)
        return [self.cells.get(entity) for entity in entities], self.marker

    def newest(self, entities: Sequence[str]) -> list[bytes | None]:
        """Whatever is there."""
        return [self.cells.get(entity) for entity in entities]

    def write(
        self, entities: Sequence[str], states: Sequence[bytes], rows: object, *, position: int
    ) -> None:
        """Store the states."""
        self.cells.update(zip(entities, states, strict=True))

    def write_marker(self, marker: Marker, *, position: int) -> None:
        """Store the marker."""
        self.marker = marker


def table(store: Store, memory: SharedMemory) -> RememberedTable:
    """A table as a fresh worker has it."""
    settings = PassSettings(
        scenario="tiny",
        module="",
        store=HBaseStore("nowhere", 1),
        epoch=1,
        first_offsets={0: 0, 1: 0},
        max_event_bytes=1,
        max_future_skew_seconds=1,
        retry_seconds=1,
    )
    return RememberedTable(store, settings, memory)


def batch(one: RememberedTable, cells: dict[str, bytes], *, first: int, last: int) -> None:
    """Read and write as the pass does."""
    ids = list(cells)
    one.below(ids, partition=0, position=stamp(1, first))
    one.write(ids, list(cells.values()), [None] * len(ids), position=stamp(1, last))
    one.write_marker(Marker(partition=0, epoch=1, offset=last), position=stamp(1, last))


def test_states_just_written_are_not_read_again_not_even_by_another_worker(
    memory: SharedMemory,
) -> None:
    store = Store()
    batch(table(store, memory), {"x": b"1", "y": b"2"}, first=0, last=9)
    cells, marker = table(store, memory).below(["z", "y"], partition=0, position=stamp(1, 10))
    assert (cells, marker, store.entities_read) == ([None, b"2"], store.marker, ["z"])


def test_states_are_known_behind_a_gap_without_a_batch_but_not_behind_one_with(
    memory: SharedMemory,
) -> None:
    store = Store()
    batch(table(store, memory), {"x": b"1", "y": b"2"}, first=0, last=9)
    behind_markers = stamp(1, 13)
    cells, _ = table(store, memory).below(["x", "z"], partition=0, position=behind_markers)
    assert (cells, store.entities_read) == ([b"1", None], ["z"])
    batch(table(store, memory), {"x": b"3"}, first=13, last=14)
    assert table(store, memory).below(["y"], partition=0, position=stamp(1, 15))[0] == [b"2"]
    assert store.entities_read == []
    store.marker, store.cells["x"] = Marker(partition=0, epoch=1, offset=20), b"5"  # elsewhere
    cells, _ = table(store, memory).below(["x"], partition=0, position=stamp(1, 25))
    assert (cells, store.entities_read) == ([b"5"], ["x"])


def test_a_store_that_lost_the_marker_is_believed_in_everything(memory: SharedMemory) -> None:
    store = Store()
    batch(table(store, memory), {"x": b"1"}, first=0, last=9)
    store.marker, store.cells = Marker(partition=0, epoch=1, offset=4), {"x": b"0"}
    cells, _ = table(store, memory).below(["x"], partition=0, position=stamp(1, 10))
    assert (cells, store.entities_read) == ([b"0"], ["x"])


def test_a_replay_reads_everything_and_remembers_from_there(memory: SharedMemory) -> None:
    store = Store()
    one = table(store, memory)
    batch(one, {"x": b"1"}, first=0, last=9)
    batch(one, {"x": b"2"}, first=10, last=19)
    batch(one, {"x": b"2"}, first=10, last=14)
    assert store.entities_read == ["x"]
    one.below(["x"], partition=0, position=stamp(1, 15))
    assert store.entities_read == []


def test_a_worker_that_dies_while_it_keeps_states_leaves_none(memory: SharedMemory) -> None:
    one = lane(memory)
    one.keep(["x"], [b"1"], begin=0, position=9)
    with pytest.raises(ValueError, match="late"):
        one.keep(["x"], [b"2"], begin=9, position="late")  # type: ignore[arg-type]
    assert one.find(["x"], before=10).cells == [None]
