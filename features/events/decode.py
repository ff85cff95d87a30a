"""Kafka records to typed columns; what breaks a rule becomes a refusal, never an exception."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from features.attachments import AttachmentSource, NothingStored, Reading, digests_in
from features.byte_column import ByteColumn
from features.events import reasons
from features.events.chosen_rows import chosen_rows
from features.events.cut_bytes import CutBytes
from features.events.envelope import Envelope
from features.events.fast.reader import QuickColumns, QuickReader
from features.events.partitioners import Placement, wrong_partition_sentence
from features.events.reasons import Refusal
from features.events.rules import Finding
from features.events.strict_reader import StrictEvent, StrictReader
from features.schema import EventSchema

# A call for each content takes as long as its network; sources hold so many of the latest ones.
_ROWS_AHEAD = 64


@dataclass(frozen=True)
class Records:
    """Kafka records of one partition in offset order; all sequences have the same length n.

    `timestamps_ms` are the broker's append times (UTC epoch milliseconds): the only clock that
    a check may use, so that a replay decides as the first pass did.

    `cut_keys` and `cut_values` describe, by row, what a reader has cut because it is too long: the
    sequences hold its beginning, which is still longer than any valid one.
    """

    keys: Sequence[bytes | None]
    values: Sequence[bytes | None]
    offsets: npt.NDArray[np.int64]
    timestamps_ms: npt.NDArray[np.int64]
    cut_keys: Mapping[int, CutBytes] = field(default_factory=dict)
    cut_values: Mapping[int, CutBytes] = field(default_factory=dict)

    def between(self, begin: int, end: int) -> "Records":
        """The records from row `begin` up to row `end`."""

        def cut(by_row: Mapping[int, CutBytes]) -> dict[int, CutBytes]:
            return {row - begin: original for row, original in by_row.items() if begin <= row < end}

        rows = slice(begin, end)
        return Records(
            keys=self.keys[rows],
            values=self.values[rows],
            offsets=self.offsets[rows],
            timestamps_ms=self.timestamps_ms[rows],
            cut_keys=cut(self.cut_keys),
            cut_values=cut(self.cut_values),
        )


@dataclass(frozen=True)
class Attached:
    """What is attached, as field `field`, to the event in row `row` of the records."""

    row: int
    field: str
    reading: Reading


@dataclass(frozen=True)
class Events:
    """Valid events as columns, m ≤ n rows in offset order, and what was refused.

    rows        int64 (m,)      position of the event in the records
    entities    m strings       entity ids
    type_codes  int64 (m,)      position of the event's type in the schema
    times_ms    int64 (m,)      event time, UTC epoch milliseconds
    values      float64 (m, f)  one column per schema field; NaN where the event has none;
                                a category holds its code
    refusals    n - m           in offset order
    attached    of valid events, in offset order; empty where the schema has no attachments
    """

    rows: npt.NDArray[np.int64]
    entities: list[str]
    type_codes: npt.NDArray[np.int64]
    times_ms: npt.NDArray[np.int64]
    values: npt.NDArray[np.float64]
    refusals: list[Refusal]
    attached: Sequence[Attached] = ()

    def between(self, begin: int, end: int) -> "Events":
        """Events and refusals of the records from row `begin` up to row `end`."""
        first, last = np.searchsorted(self.rows, [begin, end]).tolist()
        part = slice(first, last)
        return Events(
            rows=self.rows[part] - begin,
            entities=self.entities[part],
            type_codes=self.type_codes[part],
            times_ms=self.times_ms[part],
            values=self.values[part],
            refusals=[
                replace(refusal, row=refusal.row - begin)
                for refusal in self.refusals
                if begin <= refusal.row < end
            ],
            attached=[
                replace(attached, row=attached.row - begin)
                for attached in self.attached
                if begin <= attached.row < end
            ],
        )

    def refusing(self, is_refused: npt.NDArray[np.bool_], refused: Sequence[Refusal]) -> "Events":
        """The events that are not `is_refused` (m,); the others' `refused` join the refusals."""
        rest = np.flatnonzero(~is_refused)
        rows = self.rows[rest]
        remaining = set(rows.tolist()) if self.attached else set()
        return Events(
            rows=rows,
            entities=[self.entities[at] for at in rest.tolist()],
            type_codes=self.type_codes[rest],
            times_ms=self.times_ms[rest],
            values=self.values[rest],
            refusals=sorted([*self.refusals, *refused], key=lambda refusal: refusal.row),
            attached=[attached for attached in self.attached if attached.row in remaining],
        )


class EventDecoder:
    """Decodes and checks the events of one scenario by the rules of features/events/rules.py.

    Events in the usual shape are read by compiled code, all others one by one: 1.5 µs instead of
    8 for 20 numbers, and the same to the bit. Events of a schema with attachments are all read one
    by one: their contents take longer.

    attachments: where contents that events only refer to are read from
    """

    def __init__(
        self,
        schema: EventSchema,
        *,
        max_event_bytes: int,
        max_future_skew_seconds: float,
        attachments: AttachmentSource | None = None,
    ) -> None:
        self._schema = schema
        self._max_event_bytes = max_event_bytes
        self._max_future_skew_ms = int(max_future_skew_seconds * 1000)
        self._envelope = Envelope(schema.entity_field, self._max_future_skew_ms)
        self._quick = None if schema.attachments else QuickReader(schema)
        self._source = attachments or NothingStored()
        self._strict = StrictReader(schema, self._source)

    def decode(self, records: Records, placement: Placement | None = None) -> Events:
        """Split `records` into typed columns and refusals; every record is in exactly one.

        placement: where the records lie; what lies outside its key's home is refused as the last
        of all rules. Without it every partition is right (labels, simulated events).
        """
        events = self._read(records)
        if placement is None:
            return events
        homes = placement.homes(ByteColumn.of(records.keys))
        return events if homes is None else at_home(events, records, placement, homes[events.rows])

    def _read(self, records: Records) -> Events:
        if self._quick is None:
            return self.decode_strictly(records, self._rows_of(records))
        keys = ByteColumn.of(records.keys)
        quick = self._quick.read(
            ByteColumn.of(records.values),
            keys,
            latest_ms=records.timestamps_ms.astype(np.int64) + self._max_future_skew_ms,
            max_bytes=self._max_event_bytes,
        )
        ids = pa.array(keys.array).filter(pa.array(quick.is_read)).cast(pa.string()).to_pylist()
        unread = np.flatnonzero(~quick.is_read)
        if not len(unread):
            rows = np.arange(len(ids), dtype=np.int64)
            return Events(rows, ids, quick.type_codes, quick.times_ms, quick.values, [])
        return _together(quick, ids, self.decode_strictly(records, unread.tolist()))

    def _rows_of(self, records: Records) -> Iterator[int]:
        """All rows; before the first of some, what they refer to is read from the store at once."""
        for begin in range(0, len(records.values), _ROWS_AHEAD):
            values = records.values[begin : begin + _ROWS_AHEAD]
            if digests := {digest for raw in values for digest in digests_in(raw or b"")}:
                self._source.contents(digests)
            yield from range(begin, begin + len(values))

    def decode_strictly(self, records: Records, record_rows: Iterable[int]) -> Events:
        """The `record_rows` of `records` read one by one: what `decode` must agree with."""
        rows: list[int] = []
        events: list[StrictEvent] = []
        refusals: list[Refusal] = []
        for row in record_rows:
            event = self._judged(records, row)
            if isinstance(event, tuple):
                refusals.append(Refusal(row, *event))
            else:
                rows.append(row)
                events.append(event)
        return self._columns(rows, events, refusals)

    def _judged(self, records: Records, row: int) -> StrictEvent | Finding:
        raw = records.values[row]
        if raw is None:
            return reasons.NULL_VALUE, "the record has no value (a tombstone), not an event"
        if len(raw) > self._max_event_bytes:
            cut = records.cut_values.get(row)
            length = cut.length if cut else len(raw)
            sentence = f"the event has {length:,} bytes; allowed are {self._max_event_bytes:,}"
            return reasons.TOO_LARGE, sentence
        event = self._strict.read(raw)
        if isinstance(event, tuple):
            return event
        latest_ms = int(records.timestamps_ms[row]) + self._max_future_skew_ms
        key = records.keys[row]
        return self._envelope.finding(event.entity, key, event.time_ms, latest_ms) or event

    def _columns(
        self, rows: list[int], events: list[StrictEvent], refusals: list[Refusal]
    ) -> Events:
        values = np.full((len(rows), len(self._schema.columns)), np.nan)
        for row, event in enumerate(events):
            for column, value in event.values:
                values[row, column] = value
        return Events(
            rows=np.array(rows, dtype=np.int64),
            entities=[event.entity for event in events],
            type_codes=np.array([event.type_code for event in events], dtype=np.int64),
            times_ms=np.array([event.time_ms for event in events], dtype=np.int64),
            values=values,
            refusals=refusals,
            attached=[
                Attached(row, field, reading)
                for row, event in zip(rows, events, strict=True)
                for field, reading in event.attached
            ],
        )


def at_home(
    events: Events, records: Records, placement: Placement, homes: npt.NDArray[np.int64]
) -> Events:
    """`events` without those that lie outside their home, which become refusals.

    homes int64 (m,): of each event's key; -1 where it is unknown, which is no reason to refuse.
    """
    is_elsewhere = (homes >= 0) & (homes != placement.partition)
    if not is_elsewhere.any():
        return events
    refusals = []
    for row, home in zip(
        events.rows[is_elsewhere].tolist(), homes[is_elsewhere].tolist(), strict=True
    ):
        sentence = wrong_partition_sentence(records.keys[row] or b"", placement, home=home)
        refusals.append(Refusal(row, reasons.WRONG_PARTITION, sentence, home))
    return events.refusing(is_elsewhere, refusals)


def _together(quick: QuickColumns, ids: Sequence[str], strict: Events) -> Events:
    """Events of both readers in offset order; the few of `strict` are put into `quick`."""
    places = np.searchsorted(np.flatnonzero(quick.is_read), strict.rows).tolist()
    entities: list[str] = []
    for begin, end, entity in zip([0, *places], places, strict.entities, strict=False):
        entities += ids[begin:end]
        entities.append(entity)
    entities += ids[places[-1] if places else 0 :]
    for column, strict_values in (
        (quick.is_read, True),
        (quick.type_codes, strict.type_codes),
        (quick.times_ms, strict.times_ms),
        (quick.values, strict.values),
    ):
        column[strict.rows] = strict_values
    rows = np.flatnonzero(quick.is_read)
    return Events(
        rows=rows,
        entities=entities,
        type_codes=chosen_rows(quick.type_codes, rows),
        times_ms=chosen_rows(quick.times_ms, rows),
        values=chosen_rows(quick.values, rows),
        refusals=strict.refusals,
    )
