"""Messages of a batch of predictions as one buffer, and the rows inside them."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from features.byte_column import ByteColumn
from streaming.messages.text_kernel import with_brace

Ints = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Messages:
    """Messages of n predictions one after the other in `content`.

    ends int64 (n,)  where each ends; row_ends (n,): where its row ends, but for the last brace
    """

    content: npt.NDArray[np.uint8]
    ends: Ints
    row_ends: Ints

    @property
    def values(self) -> ByteColumn:
        """The messages."""
        return _column(self.content[: self.ends[-1] if len(self.ends) else 0], self.ends)

    def rows(self, positions: Ints) -> ByteColumn:
        """The row documents of the predictions at `positions`; null where these are negative."""
        begins = np.concatenate([[0], self.ends])[positions]
        row_ends = np.concatenate([self.row_ends, [0]])[positions]  # -1 is the last one
        sizes = np.where(positions < 0, 0, row_ends - begins + 1)
        ends = np.cumsum(sizes)
        content = np.empty(int(sizes.sum()), dtype=np.uint8)
        with_brace(self.content, begins, sizes, content)
        return _column(content, ends, positions < 0)

    def last_rows(self, entity_rows: Ints, count: int) -> ByteColumn:
        """For each of `count` entities the row of its last prediction, or null."""
        last = np.full(count, -1, dtype=np.int64)
        last[entity_rows] = np.arange(len(entity_rows))  # offset order: the last assignment wins
        return self.rows(last)


def _column(
    content: npt.NDArray[np.uint8], ends: Ints, is_null: npt.NDArray[np.bool_] | None = None
) -> ByteColumn:
    bounds = np.concatenate([[0], ends]).astype(np.int32)
    valid = None
    if is_null is not None and is_null.any():
        valid = pa.py_buffer(np.packbits(~is_null, bitorder="little"))
    buffers = [valid, pa.py_buffer(bounds), pa.py_buffer(content)]
    return ByteColumn(pa.Array.from_buffers(pa.binary(), len(ends), buffers))
