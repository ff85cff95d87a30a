"""An entity's state as arrays in memory and as a compact, versioned cell in the store."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from features.plan import CODE, COUNT, Plan

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


class StateFormatError(RuntimeError):
    """A stored state cannot be read: damaged, or of another format version."""

    exit_code = 4


class DefinitionsChanged(RuntimeError):
    """A stored state belongs to other feature definitions; a rebuild is needed."""

    exit_code = 4

    def __init__(self, *, found: str, expected: str) -> None:
        super().__init__(
            f"stored state belongs to feature definitions {found}, this code has {expected}; "
            "nothing was misread or written: rebuild the states with the job rebuild_state"
        )
        self.found = found
        self.expected = expected


@dataclass
class States:
    """States of e entities.

    first_stamp, last_stamp  int64 (e,)    position stamps of the first and the last event folded
    partition                int64 (e,)    Kafka partition of the last event
    events                   int64 (e,)    number of events folded
    latest_ms                int64 (e,)    latest event time seen
    slots                    float64 (e, s)
    """

    first_stamp: npt.NDArray[np.int64]
    last_stamp: npt.NDArray[np.int64]
    partition: npt.NDArray[np.int64]
    events: npt.NDArray[np.int64]
    latest_ms: npt.NDArray[np.int64]
    slots: npt.NDArray[np.float64]

    def __len__(self) -> int:
        return len(self.events)


@dataclass(frozen=True)
class StateCodec:
    """Turns states into cells and back: 10 bytes of format and definitions, then a packed record.

    Categories take 1 byte, counts 4, everything else 8; both ways are exact to the bit.
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
        return np.dtype(_HEADER + slots)

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
        )

    def decode(self, cells: Sequence[bytes | None]) -> States:
        """States of `cells`; None gives an empty state.

        Raises `DefinitionsChanged` or `StateFormatError`; a cell is never misread.
        """
        present = [row for row, cell in enumerate(cells) if cell is not None]
        bodies = [self._body(cell) for cell in cells if cell is not None]
        if not present:
            return self.empty(len(cells))
        found = self.unpacked(np.frombuffer(b"".join(bodies), dtype=self.record))
        if len(present) == len(cells):
            return found
        states = self.empty(len(cells))
        for name, _ in _HEADER:
            getattr(states, name)[present] = getattr(found, name)
        states.slots[present] = found.slots
        return states

    def unpacked(self, records: npt.NDArray[Any]) -> States:
        """States of e packed records (dtype `record`), which stand behind a cell's prefix."""
        records = records.reshape(-1)
        slots = np.empty((len(records), len(self.plan.slots)))
        for column, slot in enumerate(self.plan.slots):
            stored = records[f"s{column}"]
            slots[:, column] = stored
            if slot.storage == CODE:
                slots[stored == _NO_CODE, column] = np.nan
        header = {name: records[name].astype(np.int64) for name, _ in _HEADER}
        return States(slots=slots, **header)

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
        packed, size = records.tobytes(), self.record.itemsize
        return [self.prefix + packed[i : i + size] for i in range(0, len(packed), size)]

    def _body(self, cell: bytes) -> bytes:
        if cell[:2] != FORMAT:
            raise StateFormatError(f"a state cell begins with {cell[:2]!r}, expected {FORMAT!r}")
        if cell[:10] != self.prefix:
            raise DefinitionsChanged(found=cell[2:10].hex(), expected=self.plan.digest)
        if len(cell) != len(self.prefix) + self.record.itemsize:
            expected = len(self.prefix) + self.record.itemsize
            raise StateFormatError(f"a state cell has {len(cell)} bytes, expected {expected}")
        return cell[10:]
