"""A plan's windows, compiled: what is buffered of events, how compactly, and what is read."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

_U4_SPAN_MS = 2**32


@dataclass(frozen=True)
class BufferColumn:
    """A field in the buffer: stored as `value * scale` in `stored_as` (a numpy type code)."""

    field: str
    source: int
    stored_as: str
    scale: float


@dataclass(frozen=True)
class WindowPlan:
    """How windows are stored (`keep_ms`: how long) and read; arrays as the kernel takes them."""

    columns: tuple[BufferColumn, ...]
    is_buffered: npt.NDArray[np.bool_]
    keep_ms: int
    max_entries: int
    identity: int
    scans: npt.NDArray[np.int64]
    reads: npt.NDArray[np.int64]

    @property
    def for_kernel(self) -> tuple[object, ...]:
        """The `plan` that `fold_windows` takes."""
        limits = (self.keep_ms, self.max_entries, self.identity)
        return (self.is_buffered, *limits, self.scans, self.reads)

    @property
    def stores_types(self) -> bool:
        """Whether entries store their event type: not where there is only one."""
        return int(self.is_buffered.sum()) > 1

    @property
    def entry(self) -> np.dtype[np.void]:
        """An entry as it is packed: its age before the latest event time, type, fields."""
        age = ("age_ms", "<u4" if self.keep_ms < _U4_SPAN_MS else "<i8")
        types = [("type", "u1")] if self.stores_types else []
        fields = [(f"c{i}", column.stored_as) for i, column in enumerate(self.columns)]
        return np.dtype([age, *types, *fields])

    def buffered_values(self, values: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        """The buffer's columns of events' `values` (n, f), rounded as they are stored, (n, c)."""
        buffered = np.empty((len(values), len(self.columns)))
        for position, column in enumerate(self.columns):
            numbers = values[:, column.source]
            if column.scale != 1.0:
                numbers = np.rint(numbers * column.scale) / column.scale
            buffered[:, position] = numbers
        return buffered

    def meaning(self) -> dict[str, object]:
        """What decides about the buffer's content, for the plan's digest."""
        return {
            "columns": [(c.field, c.stored_as, c.scale) for c in self.columns],
            "keep_ms": self.keep_ms,
            "max_entries": self.max_entries,
            "identity": self.identity,
        }
