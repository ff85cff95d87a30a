"""Mutated events through quick, strict and independent reading, and where the three differ."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import islice

import numpy as np

from bench.mutated_events.independent_reading import Reading, reading
from bench.mutated_events.mutations import (
    ARRIVAL_MS,
    MAX_AHEAD_MS,
    MAX_EVENT_BYTES,
    SCHEMAS,
    KeyAndValue,
    Mutator,
)
from features.byte_column import ByteColumn
from features.events.decode import EventDecoder, Events, Records
from features.events.fast.reader import QuickReader
from features.schema import EventSchema

_ROWS = 1_000
_MOST_SHOWN = 10
VALID = "valid"

# What became of a record, comparable to the bit: a reason code, or entity, type, time and values.
Outcome = tuple[str, ...]


@dataclass(frozen=True)
class Disagreement:
    """One record that was read in more than one way."""

    schema: str
    key: bytes | None
    value: bytes | None
    outcomes: dict[str, Outcome]

    def __str__(self) -> str:
        ways = "".join(f"\n  {reader}: {outcome}" for reader, outcome in self.outcomes.items())
        return f"{self.schema}: key {self.key!r}, value {self.value!r}{ways}"


@dataclass
class Comparison:
    """What was compared so far."""

    events: int = 0
    quick: int = 0
    outcomes: Counter[str] = field(default_factory=Counter)
    disagreements: list[Disagreement] = field(default_factory=list)
    disagreeing: int = 0


def compare(events: int, *, seed: int, total: Comparison) -> Iterator[int]:
    """Compare the readers on `events` records of all schemas; yields the rows added to `total`."""
    shares = [events // len(SCHEMAS)] * len(SCHEMAS)
    shares[0] += events - sum(shares)
    for number, (name, schema) in enumerate(SCHEMAS.items()):
        bench = _Bench(name, schema)
        mutator = Mutator(schema, seed * len(SCHEMAS) + number)
        records = (mutator.record() for _ in range(shares[number]))
        while chunk := list(islice(records, _ROWS)):
            bench.compare(chunk, total)
            yield len(chunk)


class _Bench:
    """The readers of one schema beside each other."""

    def __init__(self, name: str, schema: EventSchema) -> None:
        self._name, self._schema = name, schema
        self._quick = QuickReader(schema)
        self._decoder = EventDecoder(
            schema, max_event_bytes=MAX_EVENT_BYTES, max_future_skew_seconds=MAX_AHEAD_MS / 1000
        )

    def compare(self, pairs: list[KeyAndValue], total: Comparison) -> None:
        """Read `pairs` in every way and add what came out."""
        count = len(pairs)
        keys, values = [key for key, _ in pairs], [value for _, value in pairs]
        records = Records(keys, values, np.arange(count), np.full(count, ARRIVAL_MS))
        together = self._outcomes(self._decoder.decode(records), count)
        strict = self._outcomes(self._decoder.decode_strictly(records, range(count)), count)
        latest_ms = np.full(count, ARRIVAL_MS + MAX_AHEAD_MS)
        quick = self._quick.read(
            ByteColumn.of(values),
            ByteColumn.of(keys),
            latest_ms=latest_ms,
            max_bytes=MAX_EVENT_BYTES,
        )
        total.events += count
        total.quick += int(quick.is_read.sum())
        for row, (key, value) in enumerate(pairs):
            independent = self._outcome(
                reading(
                    self._schema,
                    key,
                    value,
                    latest_ms=ARRIVAL_MS + MAX_AHEAD_MS,
                    max_event_bytes=MAX_EVENT_BYTES,
                )
            )
            total.outcomes[independent[0]] += 1
            if not together[row] == strict[row] == independent:
                total.disagreeing += 1
                if len(total.disagreements) < _MOST_SHOWN:
                    first = "quick" if quick.is_read[row] else "decoder"
                    ways = {first: together[row], "strict": strict[row], "independent": independent}
                    total.disagreements.append(Disagreement(self._name, key, value, ways))

    def _outcomes(self, events: Events, count: int) -> list[Outcome]:
        outcomes: list[Outcome] = [("lost",)] * count
        for refusal in events.refusals:
            outcomes[refusal.row] = (refusal.code,)
        names = list(self._schema.type_codes)
        for place, row in enumerate(events.rows.tolist()):
            outcomes[row] = (
                VALID,
                events.entities[place],
                names[events.type_codes[place]],
                str(events.times_ms[place]),
                *(value.hex() for value in events.values[place].tolist()),
            )
        return outcomes

    def _outcome(self, independent: Reading) -> Outcome:
        if independent.code is not None:
            return (independent.code,)
        values = [independent.values.get(name, float("nan")) for name in self._schema.columns]
        return (
            VALID,
            independent.entity,
            independent.event_type,
            str(independent.time_ms),
            *(value.hex() for value in values),
        )
