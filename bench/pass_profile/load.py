"""Events of any scenario as Arrow batches, as Spark delivers them to the pass."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import msgspec
import numpy as np
import pyarrow as pa

from features.schema import (
    TIME_FIELD,
    TYPE_FIELD,
    Attachment,
    Category,
    EventType,
    SchemaError,
    ValueField,
)
from scenarios.contract.scenario import Scenario

# What the event of a number carries in a field.
Attach = Callable[[Attachment, int], str]

_ARRIVED_MS = 1_800_000_000_000
_SCHEMA = pa.schema(
    [
        ("key", pa.binary()),
        ("value", pa.binary()),
        ("partition", pa.int32()),
        ("offset", pa.int64()),
        ("timestamp", pa.timestamp("us", tz="UTC")),
    ]
)


@dataclass(frozen=True, kw_only=True)
class Crowd:
    """Who sends events: how many, by which law (zipf 0: all alike), with how precise numbers."""

    customers: int
    zipf: float
    decimals: int

    def ids(self, count: int, random: np.random.Generator) -> list[str]:
        """Senders of `count` events."""
        weights = 1.0 / np.arange(1, self.customers + 1) ** self.zipf
        senders = random.choice(self.customers, count, p=weights / weights.sum())
        return [f"c{number:08d}" for number in senders.tolist()]


def no_attachment(field: Attachment, number: int) -> str:
    """Raise `SchemaError`: the load is one for scenarios without attachments."""
    raise SchemaError(f"this load has no {field.name}: it is for scenarios without attachments")


def arrow_batches(
    scenario: Scenario, crowd: Crowd, *, events: int, rows: int, attach: Attach = no_attachment
) -> Iterator[pa.RecordBatch]:
    """`events` good events of partition 0 in batches of `rows`."""
    random = np.random.default_rng(1)
    for first in range(0, events, rows):
        count = min(rows, events - first)
        ids = crowd.ids(count, random)
        values = [
            _event(scenario, number, first + at, crowd, random, attach)
            for at, number in enumerate(ids)
        ]
        arrived_us = np.full(count, _ARRIVED_MS * 1000) + np.arange(first, first + count) * 25
        columns = [
            pa.array([number.encode() for number in ids], pa.binary()),
            pa.array(values, pa.binary()),
            pa.array(np.zeros(count, dtype=np.int32)),
            pa.array(np.arange(first, first + count)),
            pa.array(arrived_us // 1000 * 1000).cast(_SCHEMA.field("timestamp").type),
        ]
        yield pa.RecordBatch.from_arrays(columns, schema=_SCHEMA)


def _event(
    scenario: Scenario,
    entity: str,
    number: int,
    crowd: Crowd,
    random: np.random.Generator,
    attach: Attach,
) -> bytes:
    types: tuple[EventType, ...] = scenario.schema.types
    event_type = types[number % len(types)]
    moment = datetime.fromtimestamp((_ARRIVED_MS + number // 40) / 1000, UTC)
    event: dict[str, Any] = {
        TYPE_FIELD: event_type.name,
        scenario.schema.entity_field: entity,
        TIME_FIELD: moment.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
    }
    drawn = random.normal(0.0, 1.0, len(event_type.fields)).tolist()
    for field, value in zip(event_type.fields, drawn, strict=True):
        if isinstance(field, Attachment):
            event[field.name] = attach(field, number)
        else:
            event[field.name] = _value(field, value, crowd.decimals)
    return msgspec.json.encode(event)


def _value(field: ValueField, drawn: float, decimals: int) -> object:
    if isinstance(field, Category):
        return field.values[int(abs(drawn) * 1000) % len(field.values)]
    bounded = min(max(drawn, float(field.minimum)), float(field.maximum))
    if field.integer:
        return int(bounded)
    return (
        bounded
        if decimals < 0
        else min(max(round(bounded, decimals), field.minimum), field.maximum)
    )
