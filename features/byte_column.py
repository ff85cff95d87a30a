"""A column of bytes without an object per row: Arrow's buffers, seen as a sequence."""

from collections.abc import Iterable, Sequence
from functools import cached_property
from typing import Any, overload

import numpy as np
import numpy.typing as npt
import pyarrow as pa


class ByteColumn(Sequence[bytes | None]):
    """n values of bytes, some of them null, over an Arrow array of type binary."""

    def __init__(self, array: Any) -> None:
        self.array = array

    @classmethod
    def of(cls, values: Iterable[bytes | None]) -> "ByteColumn":
        """The column of `values`; a column stays as it is."""
        return values if isinstance(values, cls) else cls(pa.array(values, pa.binary()))

    @cached_property
    def content(self) -> npt.NDArray[np.uint8]:
        """The bytes that `bounds` counts in."""
        buffer = self.array.buffers()[2]
        return np.frombuffer(buffer if buffer is not None else b"", dtype=np.uint8)

    @cached_property
    def bounds(self) -> npt.NDArray[np.int64]:
        """Where each value begins in `content`, and where the last one ends: int64 (n + 1,)."""
        if not len(self.array):
            return np.zeros(1, dtype=np.int64)
        stored = np.frombuffer(self.array.buffers()[1], dtype=np.int32)
        begin = self.array.offset
        return stored[begin : begin + len(self.array) + 1].astype(np.int64)

    @cached_property
    def is_null(self) -> npt.NDArray[np.bool_]:
        """Which values are null, bool (n,)."""
        if not self.array.null_count:
            return np.zeros(len(self.array), dtype=np.bool_)
        nulls: npt.NDArray[np.bool_] = self.array.is_null().to_numpy(zero_copy_only=False)
        return nulls

    def take(self, rows: npt.NDArray[np.int64]) -> "ByteColumn":
        """The values of `rows`, in their order."""
        return ByteColumn(self.array.take(pa.array(rows)))

    def __arrow_array__(self, type: Any = None) -> Any:
        return self.array if type is None else self.array.cast(type)

    def __len__(self) -> int:
        return len(self.array)

    @overload
    def __getitem__(self, row: int) -> bytes | None: ...
    @overload
    def __getitem__(self, row: slice) -> "ByteColumn": ...
    def __getitem__(self, row: int | slice) -> "bytes | ByteColumn | None":
        if isinstance(row, slice):
            return ByteColumn(pa.array(self.array[row]))
        value: bytes | None = self.array[row].as_py()
        return value
