"""An entity's state as arrays in memory and as a compact, versioned cell in the store."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, NoReturn

import numpy as np
import numpy.typing as npt

from features.fold import buffers as recent
from features.fold.buffers import Buffers, empty_buffers
from features.fold.plan import CODE, COUNT, Plan
from features.fold.state_errors import DefinitionsChanged, StateFormatError

FORMAT = b"E\x01"
_NO_CODE = 255
NO_TIME_MS = np.iinfo(np.int64).min
_STORED_AS = {CODE: "u1", COUNT: "<u4"}
_HEADER = [
    ("first_stamp", "<i8"),
    ("last_stamp", "<i8"),
    ("partition", "<i4"),
    ("events", "<u4"),
    ("latest_ms", "<i8"),
]
# Only where a plan has windows: how many entries follow the record, and how many were dropped.
_BUFFER = [("entries", "<u4"), ("dropped", "<u4")]


@dataclass
class States:
    """States of e entities.

    first_stamp, last_stamp  int64 (e,)    position stamps of the first and the last event folded
    partition                int64 (e,)    Kafka partition of the last event
    events                   int64 (e,)    number of events folded
    latest_ms                int64 (e,)    latest event time seen
    slots                    float64 (e, s)
    buffers                  recent events of each entity; None where the plan has no windows
    """

    first_stamp: npt.NDArray[np.int64]
    last_stamp: npt.NDArray[np.int64]
    partition: npt.NDArray[np.int64]
    events: npt.NDArray[np.int64]
    latest_ms: npt.NDArray[np.int64]
    slots: npt.NDArray[np.float64]
    buffers: Buffers | None = None

    def __len__(self) -> int:
        return len(self.events)


@dataclass(frozen=True)
class StateCodec:
    """Turns states into cells and back: 10 bytes of format and definitions, then a packed record.

    Categories take 1 byte, counts 4, everything else 8; both ways are exact to the bit. With
    windows the buffer's entries follow.
    """

    plan: Plan

    @cached_property
    def prefix(self) -> bytes:
        """What every cell of these definitions begins with."""
        return FORMAT + bytes.fromhex(self.plan.digest)

    @cached_property
    def record(self) -> np.dtype[Any]:
        """The packed layout behind the prefix."""
        slots = [(f"s{i}", _STORED_AS.get(s.storage, "<f8")) for i, s in enumerate(self.plan.slots)]
        buffer = _BUFFER if self.plan.windows else []
        return np.dtype(_HEADER + slots + buffer)

    @cached_property
    def layout(self) -> np.dtype[Any]:
        """The packed layout of a cell up to the buffer's entries: prefix, then record."""
        assert self.record.names is not None
        fields = [(name, self.record[name]) for name in self.record.names]
        return np.dtype([("prefix", np.void, len(self.prefix)), *fields])

    def empty(self, count: int) -> States:
        """States of `count` entities that have seen no event."""
        initial = np.array([slot.initial for slot in self.plan.slots])
        return States(
            first_stamp=np.full(count, -1, dtype=np.int64),
            last_stamp=np.full(count, -1, dtype=np.int64),
            partition=np.full(count, -1, dtype=np.int64),
            events=np.zeros(count, dtype=np.int64),
            latest_ms=np.full(count, NO_TIME_MS, dtype=np.int64),
            slots=np.tile(initial, (count, 1)),
            buffers=self._no_buffers(count),
        )

    def decode(self, cells: Sequence[bytes | None]) -> States:
        """States of `cells`; None gives an empty state.

        Raises `DefinitionsChanged` or `StateFormatError`; a cell is never misread.
        """
        present = [row for row, cell in enumerate(cells) if cell is not None]
        if not present:
            return self.empty(len(cells))
        decoded = self.unpacked(
            *self._records_and_entries([cell for cell in cells if cell is not None])
        )
        if len(present) == len(cells):
            return decoded
        states = self.empty(len(cells))
        for name, _ in _HEADER:
            getattr(states, name)[present] = getattr(decoded, name)
        states.slots[present] = decoded.slots
        if states.buffers is not None and decoded.buffers is not None:
            for name in ("starts", "counts", "dropped"):
                getattr(states.buffers, name)[present] = getattr(decoded.buffers, name)
            for name in ("times_ms", "types", "values"):
                setattr(states.buffers, name, getattr(decoded.buffers, name))
        return states

    def unpacked(self, records: npt.NDArray[Any], entries: bytes = b"") -> States:
        """States of e packed records (dtype `record`), which stand behind a cell's prefix.

        `entries`: what follows the records in the cells, where the plan has windows.
        """
        records = records.reshape(-1)
        slots = np.empty((len(records), len(self.plan.slots)))
        for column, slot in enumerate(self.plan.slots):
            stored = records[f"s{column}"]
            slots[:, column] = stored
            if slot.storage == CODE:
                slots[stored == _NO_CODE, column] = np.nan
        header: dict[str, Any] = {name: records[name].astype(np.int64) for name, _ in _HEADER}
        states = States(slots=slots, **header)
        if self.plan.windows is not None:
            counts, dropped = (records[name].astype(np.int64) for name, _ in _BUFFER)
            states.buffers = recent.unpacked(
                entries, counts, dropped, self.plan.windows, states.latest_ms
            )
        return states

    def encode(self, states: States) -> list[bytes]:
        """One cell per state."""
        records = np.empty(len(states), dtype=self.record)
        for name, _ in _HEADER:
            records[name] = getattr(states, name)
        for column, slot in enumerate(self.plan.slots):
            values = states.slots[:, column]
            if slot.storage == CODE:
                values = np.where(np.isnan(values), float(_NO_CODE), values)
            records[f"s{column}"] = values
        buffers, windows = states.buffers, self.plan.windows
        if windows is not None and buffers is not None:
            records["entries"], records["dropped"] = buffers.counts, buffers.dropped
        packed, size = records.tobytes(), self.record.itemsize
        heads = [self.prefix + packed[i : i + size] for i in range(0, len(packed), size)]
        if windows is None or buffers is None:
            return heads
        tails = recent.packed(buffers, windows, states.latest_ms)
        return [head + tail for head, tail in zip(heads, tails, strict=True)]

    def _no_buffers(self, count: int) -> Buffers | None:
        windows = self.plan.windows
        return None if windows is None else empty_buffers(count, len(windows.columns))

    def _records_and_entries(self, cells: Sequence[bytes]) -> tuple[npt.NDArray[Any], bytes]:
        """The records of `cells`, checked together, and what follows them in the cells."""
        size, windows = self.layout.itemsize, self.plan.windows
        lengths = np.fromiter(map(len, cells), dtype=np.int64, count=len(cells))
        heads = b"".join(cells if windows is None else [cell[:size] for cell in cells])
        if (lengths < size).any() or (windows is None and (lengths > size).any()):
            self._refuse(cells)
        records = np.frombuffer(heads, dtype=self.layout)
        prefixes = np.frombuffer(heads, dtype=np.uint8).reshape(-1, size)[:, : len(self.prefix)]
        if (prefixes != np.frombuffer(self.prefix, dtype=np.uint8)).any():
            self._refuse(cells)
        if windows is None:
            return records, b""
        if (lengths != size + records["entries"].astype(np.int64) * windows.entry.itemsize).any():
            self._refuse(cells)
        return records, b"".join([cell[size:] for cell in cells])

    def _refuse(self, cells: Sequence[bytes]) -> NoReturn:
        """Raise for the first of `cells` that cannot be read; there must be one."""
        for cell in cells:
            if cell[:2] != FORMAT:
                raise StateFormatError(
                    f"a state cell begins with {cell[:2]!r}, expected {FORMAT!r}"
                )
            if cell[:10] != self.prefix:
                raise DefinitionsChanged(digest=cell[2:10].hex(), expected=self.plan.digest)
            size = expected = self.layout.itemsize
            if self.plan.windows is not None and len(cell) >= size:
                entries = int(np.frombuffer(cell[:size], dtype=self.layout)["entries"][0])
                expected += entries * self.plan.windows.entry.itemsize
            if len(cell) != expected:
                raise StateFormatError(f"a state cell has {len(cell)} bytes, expected {expected}")
        raise AssertionError("no cell is damaged")
