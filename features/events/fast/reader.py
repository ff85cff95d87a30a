"""Events in the usual shape to columns, compiled; the rest is left to the strict reader.

Read here are flat JSON objects with the keys of one event type, each once, in any order, and up to
16 ignored ones in plain ASCII; plain ASCII ids; numbers of up to 19 digits; nothing that is
escaped, no blank but spaces. The rules are those of features/events/rules.py, and the columns those
of the strict reader to the bit (tests/unit/features/events/test_readers_agree.py). Nothing is
refused.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import msgspec
import numpy as np
import numpy.typing as npt

from features.byte_column import ByteColumn
from features.events.fast import kernel
from features.events.fast.kernel import powers_of_five, read_events, read_events_and_ignore
from features.schema import TIME_FIELD, TYPE_FIELD, Category, EventSchema, Field, ValueField

# Stands for a text that JSON must escape: no text begins with a space, as these are skipped before.
_NEVER = b" "


@dataclass(frozen=True)
class QuickColumns:
    """What n records hold where `is_read`, as `Events` of decode.py says; else nothing."""

    is_read: npt.NDArray[np.bool_]
    type_codes: npt.NDArray[np.int64]
    times_ms: npt.NDArray[np.int64]
    values: npt.NDArray[np.float64]


class QuickReader:
    """Reads the events of one schema."""

    def __init__(self, schema: EventSchema) -> None:
        self._width = len(schema.columns)
        fields = list(schema.fields.values())
        names = [TYPE_FIELD, schema.entity_field, TIME_FIELD, *(field.name for field in fields)]
        texts = [event_type.name for event_type in schema.types]
        self._keys = np.array(
            [
                (kernel.TYPE, 0, len(texts), -1),
                (kernel.ENTITY, 0, 0, -1),
                (kernel.TIME, 0, 0, -1),
                *(_key(field, column, texts) for column, field in enumerate(fields)),
            ],
            dtype=np.int64,
        )
        ranges = np.array([_range(field) for field in fields]).reshape(-1, 2)
        self._lowest = np.concatenate([np.zeros(3), ranges[:, 0]])
        self._highest = np.concatenate([np.zeros(3), ranges[:, 1]])
        self._names = _joined(names)
        self._texts = _joined(texts)
        self._allowed = np.array([_has(event_type.fields, names) for event_type in schema.types])
        required = [
            [field for field in event_type.fields if field.required] for event_type in schema.types
        ]
        self._required = np.array([_has(fields, names) for fields in required])
        self._powers = (10.0 ** np.arange(23), powers_of_five())

    def read(
        self,
        values: ByteColumn,
        keys: ByteColumn,
        *,
        latest_ms: npt.NDArray[np.int64],
        max_bytes: int,
    ) -> QuickColumns:
        """Columns of n records; `latest_ms` (n,) is the latest time that each may have."""
        count = len(values)
        columns = QuickColumns(
            np.zeros(count, dtype=np.bool_),
            np.zeros(count, dtype=np.int64),
            np.zeros(count, dtype=np.int64),
            np.empty((count, self._width)),
        )
        skipped = values.is_null | keys.is_null | (np.diff(values.bounds) > max_bytes)
        # Few events have other keys than the known ones; all others would pay for what they need.
        for kernel_of in (read_events, read_events_and_ignore):
            kernel_of(
                values.content,
                values.bounds,
                keys.content,
                keys.bounds,
                skipped,
                latest_ms,
                *self._names,
                self._keys,
                self._lowest,
                self._highest,
                *self._texts,
                self._allowed,
                self._required,
                self._powers,
                columns.is_read,
                columns.type_codes,
                columns.times_ms,
                columns.values,
            )
            skipped = skipped | columns.is_read
            if skipped.all():
                break
        return columns


def _key(field: ValueField, column: int, texts: list[str]) -> tuple[int, int, int, int]:
    """The kernel's entry for `field`; a category's values are added to `texts`."""
    if isinstance(field, Category):
        first = len(texts)
        texts.extend(field.values)
        return kernel.CATEGORY, first, len(field.values), column
    return kernel.INTEGER if field.integer else kernel.REAL, 0, 0, column


def _range(field: ValueField) -> tuple[float, float]:
    if isinstance(field, Category):
        return 0.0, 0.0
    # Whole bounds beyond 2^53 may be rounded here: no whole number beyond it is read here.
    return float(field.lowest), float(field.highest)


def _has(fields: Sequence[Field], names: Sequence[str]) -> list[bool]:
    has = {field.name for field in fields}
    return [True, True, True, *(name in has for name in names[3:])]


def _joined(texts: Sequence[str]) -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.int64]]:
    """The texts as they stand in JSON, one after the other, and their n + 1 bounds."""
    quoted = [_quoted(text) for text in texts]
    bounds = np.cumsum([0, *map(len, quoted)], dtype=np.int64)
    return np.frombuffer(b"".join(quoted), dtype=np.uint8), bounds


def _quoted(text: str) -> bytes:
    quoted = msgspec.json.encode(text)
    return _NEVER if b"\\" in quoted else quoted
