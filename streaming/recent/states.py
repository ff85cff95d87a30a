"""States that were just written, in memory that an executor's Python workers share.

A read of HBase costs about as much as a write, and a busy customer's state was written moments ago.
So each partition has a lane: its newest states as of the end of the last batch that was folded
here. They are used only while the store's marker shows the same batch as the last one below
what is read; otherwise the lane begins again, empty. A lane is only a cache: any worker may die at
any time, and states that are not in it are read from HBase.
"""

import fcntl
import mmap
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from hashlib import blake2b
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from features.byte_column import ByteColumn
from streaming.recent.kernel import HEAD, HEADER, OWNER, POSITION, find_states, gather, keep_states

SHARED_BYTES = 1 << 30  # of address space; a page is used when it is first written
_BYTES_PER_PLACE = 256
_NOBODY = 0


class SharedMemory:
    """Memory and locks that forked processes share; freed when the last of them ends."""

    def __init__(self, size: int = SHARED_BYTES) -> None:
        self._file = os.memfd_create("recent-states")
        os.ftruncate(self._file, size)
        self.content = np.frombuffer(mmap.mmap(self._file, size), dtype=np.uint8)

    @contextmanager
    def locked(self, number: int) -> Iterator[None]:
        """Hold lock `number`; the kernel releases it when the process dies."""
        fcntl.lockf(self._file, fcntl.LOCK_EX, 1, number)
        try:
            yield
        finally:
            fcntl.lockf(self._file, fcntl.LOCK_UN, 1, number)


@dataclass(frozen=True)
class RecentCells:
    """Cells of some ids as of right after stamp `position`: None where the lane has none."""

    cells: list[bytes | None]
    count: int
    position: int = -1


class Lane:
    """Recent states of one partition; `owner` names what they belong to."""

    def __init__(self, memory: SharedMemory, owner: str, *, number: int, lanes: int) -> None:
        size = len(memory.content) // lanes // 4096 * 4096
        content = memory.content[number * size : (number + 1) * size]
        places = 1 << (size // _BYTES_PER_PLACE).bit_length() - 1
        index_bytes = HEADER * 8 + places * 16
        self._memory, self._number = memory, number
        self._header = content[: HEADER * 8].view(np.int64)
        self._index = content[HEADER * 8 : index_bytes].view(np.int64).reshape(places, 2)
        self._ring = content[index_bytes:]
        digest = blake2b(owner.encode(), digest_size=7).digest()
        self._owner = int.from_bytes(digest, "big") + 1

    def find(self, ids: Sequence[str], *, before: int) -> RecentCells:
        """States of `ids` as of where the lane ends; none when that is not below stamp `before`."""
        column = ByteColumn(pa.array(ids, pa.string()))
        begins, sizes = np.empty(len(ids), dtype=np.int64), np.empty(len(ids), dtype=np.int64)
        with self._memory.locked(self._number):
            position = int(self._header[POSITION])
            if self._header[OWNER] != self._owner or position >= before:
                return RecentCells([None] * len(ids), 0)
            find_states(
                column.content,
                column.bounds,
                self._header,
                self._index,
                self._ring,
                begins,
                sizes,
            )
            content = np.empty(int(sizes.sum()), dtype=np.uint8)
            gather(self._ring, begins, sizes, content)
        return replace(_recent_cells(content.tobytes(), begins, sizes), position=position)

    def keep(
        self, ids: Sequence[str], cells: Sequence[bytes], *, begin: int, position: int
    ) -> None:
        """Store the states after the batch between the stamps `begin` and `position`."""
        column = ByteColumn(pa.array(ids, pa.string()))
        stored = ByteColumn.of(cells)
        with self._memory.locked(self._number):
            follows = self._header[OWNER] == self._owner and self._header[POSITION] == begin
            self._header[OWNER] = _NOBODY  # if the process dies from here on, the lane is empty
            if not follows:
                self._index[:, 1] = -1
                self._header[HEAD] = 0
            keep_states(
                column.content,
                column.bounds,
                stored.content,
                stored.bounds,
                self._header,
                self._index,
                self._ring,
            )
            self._header[POSITION] = position
            self._header[OWNER] = self._owner


def _recent_cells(
    content: bytes, begins: npt.NDArray[np.int64], sizes: npt.NDArray[np.int64]
) -> RecentCells:
    ends = np.cumsum(sizes)
    are_known = (begins >= 0).tolist()
    pairs: Any = zip(are_known, (ends - sizes).tolist(), ends.tolist(), strict=True)
    cells = [content[begin:end] if is_known else None for is_known, begin, end in pairs]
    return RecentCells(cells, sum(are_known))
