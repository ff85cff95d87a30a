"""Kafka records to typed columns; what breaks a rule becomes a refusal, never an exception."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import msgspec
import numpy as np
import numpy.typing as npt

from features import reasons
from features.diagnosis import MAX_ENTITY_BYTES, Finding, diagnose
from features.reasons import Refusal
from features.schema import EventSchema
from features.structs import StructReader, struct_readers


@dataclass(frozen=True)
class Records:
    """Kafka records of one partition in offset order; all sequences have the same length n.

    `timestamps_ms` are the broker's append times (UTC epoch milliseconds): the only clock that
    a check may use, so that a replay decides as the first pass did.
    """

    keys: Sequence[bytes | None]
    values: Sequence[bytes | None]
    offsets: npt.NDArray[np.int64]
    timestamps_ms: npt.NDArray[np.int64]


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
    """

    rows: npt.NDArray[np.int64]
    entities: list[str]
    type_codes: npt.NDArray[np.int64]
    times_ms: npt.NDArray[np.int64]
    values: npt.NDArray[np.float64]
    refusals: list[Refusal]


class EventDecoder:
    """Decodes and checks the events of one scenario; strict, no coercion of types."""

    def __init__(
        self, schema: EventSchema, *, max_event_bytes: int, max_future_skew_seconds: float
    ) -> None:
        self._schema = schema
        self._max_event_bytes = max_event_bytes
        self._max_future_skew_ms = int(max_future_skew_seconds * 1000)
        self._readers = struct_readers(schema)
        union = self._readers[0].struct
        for reader in self._readers[1:]:
            union = union | reader.struct
        self._parse = msgspec.json.Decoder(union).decode
        self._reader_of = {reader.struct: reader for reader in self._readers}

    def decode(self, records: Records) -> Events:
        """Split `records` into typed columns and refusals; every record is in exactly one."""
        rows: list[int] = []
        parsed: list[Any] = []
        times: list[int] = []
        refusals: list[Refusal] = []
        latest_ms = (records.timestamps_ms + self._max_future_skew_ms).tolist()
        for row, (key, raw) in enumerate(zip(records.keys, records.values, strict=True)):
            event = self._parsed(raw)
            if event is None:
                refusals.append(Refusal(row, *self._finding(raw)))
                continue
            time_ms = round(event.time.timestamp() * 1000)
            finding = self._envelope_finding(event, key, time_ms, latest_ms[row])
            if finding:
                refusals.append(Refusal(row, *finding))
                continue
            rows.append(row)
            parsed.append(event)
            times.append(time_ms)
        return self._columns(rows, parsed, times, refusals)

    def _parsed(self, raw: bytes | None) -> Any | None:
        if raw is None or len(raw) > self._max_event_bytes:
            return None
        try:
            event = self._parse(raw)
        except (ValueError, RecursionError):  # msgspec's own errors are ValueErrors
            return None
        reader: StructReader = self._reader_of[type(event)]
        has_only_known_keys = raw.count(b'"') == reader.quotes(event) and b"\\" not in raw
        # A surplus quote is an unknown key (welcome) or a repeated one (refused): look closely.
        if not has_only_known_keys and diagnose(raw, self._schema) is not None:
            return None
        return event

    def _finding(self, raw: bytes | None) -> Finding:
        if raw is None:
            return reasons.NULL_VALUE, "the record has no value (a tombstone), not an event"
        if len(raw) > self._max_event_bytes:
            sentence = f"the event has {len(raw):,} bytes; allowed are {self._max_event_bytes:,}"
            return reasons.TOO_LARGE, sentence
        finding = diagnose(raw, self._schema)
        if finding:
            return finding
        try:
            self._parse(raw)
        except RecursionError:
            return reasons.TOO_DEEP, "nested too deeply; an event is one flat JSON object"
        except ValueError as error:
            return reasons.INVALID, str(error)
        return reasons.INVALID, "the event was refused by the decoder without a reason"

    def _envelope_finding(
        self, event: Any, key: bytes | None, time_ms: int, latest_ms: int
    ) -> Finding | None:
        name = self._schema.entity_field
        if key is None:
            return reasons.NULL_KEY, f"the record has no key; expected the {name}"
        encoded = event.entity.encode()
        if key != encoded:
            sentence = f"key {key[:60]!r} is not the event's {name} {event.entity[:60]!r}"
            return reasons.KEY_MISMATCH, sentence
        if len(encoded) > MAX_ENTITY_BYTES:
            sentence = f"{name} has {len(encoded)} bytes; allowed 1 to {MAX_ENTITY_BYTES}"
            return reasons.OUT_OF_RANGE, sentence
        if time_ms > latest_ms:
            ahead = (time_ms - latest_ms + self._max_future_skew_ms) / 1000
            allowed = self._max_future_skew_ms / 1000
            sentence = f"event_time is {ahead:,.0f} s after arrival; allowed are {allowed:,.0f} s"
            return reasons.FUTURE_EVENT, sentence
        if time_ms < 0:
            return reasons.OUT_OF_RANGE, "event_time is before 1970"
        return None

    def _columns(
        self, rows: list[int], parsed: list[Any], times: list[int], refusals: list[Refusal]
    ) -> Events:
        values = np.full((len(rows), len(self._schema.columns)), np.nan)
        type_codes = np.empty(len(rows), dtype=np.int64)
        members: dict[type, list[int]] = {}
        for position, event in enumerate(parsed):
            members.setdefault(type(event), []).append(position)
        for struct, positions in members.items():
            reader = self._reader_of[struct]
            index = np.array(positions)
            type_codes[index] = reader.type_code
            chosen = [parsed[position] for position in positions]
            for name, column in reader.columns(chosen):
                values[index, self._schema.columns[name]] = column
        return Events(
            rows=np.array(rows, dtype=np.int64),
            entities=[event.entity for event in parsed],
            type_codes=type_codes,
            times_ms=np.array(times, dtype=np.int64),
            values=values,
            refusals=refusals,
        )
