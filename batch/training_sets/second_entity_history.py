"""The history of second entities, from archived events and labels: rows for `lookup_history`."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from pyspark.sql import DataFrame

from batch.records.limits import EventLimits
from batch.records.record_batches import Run, runs, sorted_for_fold
from features.events.decode import Events
from features.schema import EventSchema
from scenarios.contract.keyed import KeyedEntity, source_schema
from scenarios.contract.second_entity import Rekeyed

HISTORY_SCHEMA = (
    "key bigint, type_code bigint, time_ms bigint, arrived_ms bigint, row_values array<double>"
)
_HISTORY = pa.schema(
    [
        ("key", pa.int64()),
        ("type_code", pa.int64()),
        ("time_ms", pa.int64()),
        ("arrived_ms", pa.int64()),
        ("row_values", pa.list_(pa.float64())),
    ]
)
POSITION_SCHEMA = "epoch int, partition int, offset bigint, key bigint"
_POSITION = pa.schema(
    [
        ("epoch", pa.int32()),
        ("partition", pa.int32()),
        ("offset", pa.int64()),
        ("key", pa.int64()),
    ]
)


def history_rows(
    records: DataFrame, keyed: KeyedEntity, topic_kind: str, limits: EventLimits
) -> DataFrame:
    """What `records` (columns of `ARCHIVED_COLUMNS`) of one of the scenario's topics on `keyed`.

    Columns: key (the second entity's number), type_code and row_values in the second entity's
    schema, time_ms, arrived_ms (Kafka's time). Refused records and other events give no row.
    """
    sources = [source for source in keyed.entity.sources if source.topic_kind == topic_kind]
    task = HistoryTask(keyed=keyed, sources=sources, limits=limits)
    in_order = sorted_for_fold(records, max_event_bytes=limits.max_event_bytes)
    return in_order.mapInArrow(task, HISTORY_SCHEMA)


def event_keys(records: DataFrame, keyed: KeyedEntity, limits: EventLimits) -> DataFrame:
    """Which second entity each event of the scenario names: epoch, partition, offset, key.

    Events that name none give no row.
    """
    in_order = sorted_for_fold(records, max_event_bytes=limits.max_event_bytes)
    return in_order.mapInArrow(KeyTask(keyed=keyed, limits=limits), POSITION_SCHEMA)


@dataclass(frozen=True, kw_only=True)
class HistoryTask:
    """Decodes the records of one Spark task; `sources` are of one topic."""

    keyed: KeyedEntity
    sources: Sequence[Rekeyed]
    limits: EventLimits

    def __call__(self, batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        """Batches of records to batches of `HISTORY_SCHEMA`."""
        schema = source_schema(self.keyed.scenario, self.sources[0])
        decoder = self.limits.decoder(schema)
        for batch in batches:
            for run in runs(batch):
                events = decoder.decode(run.records, run.placement)
                for source in self.sources:
                    yield self._rows(schema, source, events, run)

    def _rows(
        self, schema: EventSchema, source: Rekeyed, events: Events, run: Run
    ) -> pa.RecordBatch:
        entity_schema = self.keyed.schema
        keys = events.values[:, schema.columns[self.keyed.entity.key_field]]
        is_of_entity = (events.type_codes == schema.type_codes[source.event_type]) & ~np.isnan(keys)
        positions = np.flatnonzero(is_of_entity)
        values = np.full((len(positions), len(entity_schema.columns)), np.nan)
        for field in entity_schema.event_type(source.event_type).fields:
            column = events.values[positions, schema.columns[field.name]]
            values[:, entity_schema.columns[field.name]] = column
        codes = np.full(len(positions), entity_schema.type_codes[source.event_type], dtype=np.int64)
        columns = [
            pa.array(keys[positions].astype(np.int64)),
            pa.array(codes),
            pa.array(events.times_ms[positions]),
            pa.array(run.records.timestamps_ms[events.rows[positions]]),
            as_lists(values),
        ]
        return pa.RecordBatch.from_arrays(columns, schema=_HISTORY)


@dataclass(frozen=True, kw_only=True)
class KeyTask:
    """Decodes the scenario's events of one Spark task."""

    keyed: KeyedEntity
    limits: EventLimits

    def __call__(self, batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        """Batches of records to batches of `POSITION_SCHEMA`."""
        schema = self.keyed.scenario.schema
        decoder, column = self.limits.decoder(schema), schema.columns[self.keyed.entity.key_field]
        for batch in batches:
            for run in runs(batch):
                events = decoder.decode(run.records, run.placement)
                keys = events.values[:, column]
                named = np.flatnonzero(~np.isnan(keys))
                columns = [
                    pa.array(np.full(len(named), run.epoch, dtype=np.int32)),
                    pa.array(np.full(len(named), run.partition, dtype=np.int32)),
                    pa.array(run.records.offsets[events.rows[named]]),
                    pa.array(keys[named].astype(np.int64)),
                ]
                yield pa.RecordBatch.from_arrays(columns, schema=_POSITION)


def as_lists(values: npt.NDArray[np.float64]) -> pa.Array:
    """The rows of `values` (n, k) as an Arrow array of n lists."""
    ends = np.arange(len(values) + 1, dtype=np.int32) * values.shape[1]
    return pa.ListArray.from_arrays(ends, np.ascontiguousarray(values).ravel())
