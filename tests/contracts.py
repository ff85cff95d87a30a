"""What a store promises, as checks that its fake passes as well as the real thing.

Each check takes what it examines and asserts; who calls it brings an empty one. The fakes are
examined in tests/unit/test_fakes.py, the real ones in tests/spark/test_real_files.py and
tests/integration/test_real_stores.py.
"""

from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np

from stores.delta.files import Files
from stores.hbase.states import Marker
from stores.kafka.producer import send
from stores.records.homes import UNKNOWN, Homes
from streaming.passes.table import PassTable


class HomeStore(Protocol):
    """Home partitions by entity and epoch."""

    def read(self, entities: Sequence[str], *, epoch: int) -> Homes: ...

    def claim(self, entities: Sequence[str], wanted: Homes, *, epoch: int) -> Homes: ...


def check_pass_table(table: PassTable) -> None:
    """States and markers below a position; `table` is empty."""
    entities = ["b", "a", "never written"]
    assert table.below(entities, partition=0, position=100) == ([None, None, None], None)
    assert table.newest([]) == []

    table.write(["a", "b"], [b"a10", b"b10"], [b"row of a", None], position=10)
    table.write(["a"], [b"a20"], [None], position=20)
    first, second = (Marker(partition=0, epoch=0, offset=at) for at in (10, 20))
    table.write_marker(first, position=10)
    table.write_marker(second, position=20)

    # What a batch wrote at its position is not below that position, so a replay does not see it.
    assert table.below(entities, partition=0, position=10) == ([None, None, None], None)
    assert table.below(entities, partition=0, position=11) == ([b"b10", b"a10", None], first)
    assert table.below(entities, partition=0, position=20) == ([b"b10", b"a10", None], first)
    assert table.below(entities, partition=0, position=21) == ([b"b10", b"a20", None], second)
    # The answer follows the order that was asked for, and an entity may be asked for twice.
    assert table.below(["a", "b", "a"], partition=0, position=21)[0] == [b"a20", b"b10", b"a20"]
    assert table.below(["a"], partition=1, position=21) == ([b"a20"], None)
    assert table.newest(["never written", "a", "b"]) == [None, b"a20", b"b10"]

    # A batch that is written again, and one that comes late, leave the newer state alone.
    table.write(["a", "b"], [b"a10", b"b10"], [b"row of a", None], position=10)
    table.write_marker(first, position=10)
    assert table.newest(["a", "b"]) == [b"a20", b"b10"]
    assert table.below(["a"], partition=0, position=21) == ([b"a20"], second)


def check_homes(homes: HomeStore) -> None:
    """The first claim of an epoch holds; `homes` is empty."""
    entities = ["b", "a"]
    assert homes.read(entities, epoch=1).tolist() == [UNKNOWN, UNKNOWN]
    assert homes.claim(["a"], np.array([0]), epoch=1).tolist() == [0]
    assert homes.claim(entities, np.array([1, 1]), epoch=1).tolist() == [1, 0]
    assert homes.read(["a", "b", "c"], epoch=1).tolist() == [0, 1, UNKNOWN]
    assert homes.read(entities, epoch=2).tolist() == [UNKNOWN, UNKNOWN]


def check_files(files: Files, folder: str) -> None:
    """Small text files below `folder`, which does not exist yet."""
    assert files.names(folder) == []
    assert files.read(f"{folder}/a") is None
    files.write(f"{folder}/b/2", "zwölf\n")
    files.write(f"{folder}/a", "")
    files.write(f"{folder}/b/1", "one")
    assert files.names(folder) == ["a", "b"]
    assert files.names(f"{folder}/b") == ["1", "2"]
    assert files.names(f"{folder}/c") == []
    assert (files.read(f"{folder}/a"), files.read(f"{folder}/b/2")) == ("", "zwölf\n")


def check_producer(producer: Any, topic: str, *, refused: tuple[bytes, bytes]) -> None:
    """Acknowledgements of a producer; `topic` has one partition and no record.

    refused: key and value of a record that the producer does not take
    """
    offsets: list[int] = []
    errors: list[BaseException] = []

    for key, value in ((b"7", b"{}"), refused, (b"7", b"{}")):
        future = send(producer, topic, key=key, value=value)
        future.add_callback(lambda place: offsets.append(place.offset))
        future.add_errback(errors.append)
    producer.flush(timeout=60)
    assert offsets == [0, 1]
    assert len(errors) == 1
