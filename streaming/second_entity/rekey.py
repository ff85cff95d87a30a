"""Events of a scenario as events of its second entity: keyed by it, with the fields it declares."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import msgspec
import numpy as np
import pyarrow as pa

from features.events.decode import EventDecoder, Events, Records
from features.events.partitioners import Placement
from features.schema import (
    TIME_FIELD,
    TYPE_FIELD,
    Attachment,
    Category,
    EventSchema,
    Field,
    SchemaError,
)
from scenarios.contract.keyed import KeyedEntity, source_schema
from stores.hbase.predictions import utc

MESSAGE_SCHEMA = "topic string, key binary, value binary"
_ARROW = pa.schema([("topic", pa.string()), ("key", pa.binary()), ("value", pa.binary())])
_encode = msgspec.json.Encoder().encode


@dataclass(frozen=True)
class Rekeyed:
    """The result of a batch: messages for the sink, and counts that add up to its records.

    left_out: valid events of other types, or without the key field; refused: dead letters of the
    scenario's own stream, or labels that break a rule.
    """

    messages: pa.RecordBatch
    sent: int
    left_out: int
    refused: int


class Rekeyer:
    """Re-keys records of a scenario's topics for one of its second entities; pure."""

    def __init__(
        self, keyed: KeyedEntity, *, max_event_bytes: int, max_future_skew_seconds: float
    ) -> None:
        self._keyed = keyed
        self._target = keyed.topic("events")
        self._readers: dict[str, _TopicReader] = {}
        for source in keyed.entity.sources:
            schema, topic = (
                source_schema(keyed.scenario, source),
                keyed.scenario.topic(source.topic_kind),
            )
            if topic not in self._readers:
                decoder = EventDecoder(
                    schema,
                    max_event_bytes=max_event_bytes,
                    max_future_skew_seconds=max_future_skew_seconds,
                )
                key_column = schema.columns[keyed.entity.key_field]
                self._readers[topic] = _TopicReader(decoder, key_column, {})
            code = schema.type_codes[source.event_type]
            declared = keyed.schema.event_type(source.event_type)
            columns = tuple(_column(schema, field) for field in declared.fields)
            self._readers[topic].routes[code] = _Route(source.event_type, columns)

    def rekeyed(self, topic: str, records: Records, placement: Placement | None = None) -> Rekeyed:
        """The messages that `records` of `topic` give, in their order.

        placement: where events lie; events that the scenario's stream refuses there are left out.
        """
        reader = self._readers[topic]
        events = reader.decoder.decode(records, placement)
        ids = events.values[:, reader.key_column]
        is_routed = np.isin(events.type_codes, list(reader.routes)) & ~np.isnan(ids)
        rows = np.flatnonzero(is_routed).tolist()
        keys = [str(int(record_id)) for record_id in ids[is_routed].tolist()]
        values = [
            reader.routes[int(events.type_codes[row])].message(
                events, row, key_field=self._keyed.entity.key_field, key=key
            )
            for row, key in zip(rows, keys, strict=True)
        ]
        return Rekeyed(
            messages=_messages(self._target, keys, values),
            sent=len(values),
            left_out=len(events.rows) - len(values),
            refused=len(events.refusals),
        )


@dataclass(frozen=True)
class _Column:
    name: str
    column: int
    shown: Callable[[float], object]


@dataclass(frozen=True)
class _Route:
    """How events of one type are re-keyed."""

    event_type: str
    columns: tuple[_Column, ...]

    def message(self, events: Events, row: int, *, key_field: str, key: str) -> bytes:
        document: dict[str, object] = {
            TYPE_FIELD: self.event_type,
            key_field: key,
            TIME_FIELD: utc(int(events.times_ms[row])),
        }
        for column in self.columns:
            value = float(events.values[row, column.column])
            if not math.isnan(value):
                document[column.name] = column.shown(value)
        return _encode(document)


@dataclass(frozen=True)
class _TopicReader:
    decoder: EventDecoder
    key_column: int
    routes: dict[int, _Route]


def _column(schema: EventSchema, field: Field) -> _Column:
    if isinstance(field, Attachment):
        raise SchemaError(f"field {field.name!r} is an attachment: no other entity's event has one")
    column = schema.columns[field.name]
    if isinstance(field, Category):
        names = field.values
        return _Column(field.name, column, lambda code: names[int(code)])
    return _Column(field.name, column, int if field.integer else float)


def _messages(topic: str, keys: Sequence[str], values: Sequence[bytes]) -> pa.RecordBatch:
    columns = [
        pa.array([topic] * len(keys), pa.string()),
        pa.array([key.encode() for key in keys], pa.binary()),
        pa.array(values, pa.binary()),
    ]
    return pa.RecordBatch.from_arrays(columns, schema=_ARROW)
