"""Features after every event, from records in a frame: the stream's own fold, run in Spark."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from pyspark.sql import DataFrame

from batch.records.limits import EventLimits
from batch.records.record_batches import Run, runs, sorted_for_fold
from features.events.decode import EventDecoder, Events, at_home
from features.fold.fold import Folded, distinct, fold_batch
from features.fold.state import StateCodec
from features.schema import EventSchema
from scenarios.contract.scenario import Scenario

_SCHEMA = (
    "entity string, epoch int, partition int, offset bigint, event_time_ms bigint, "
    "as_of_ms bigint, arrived_ms bigint, event_id bigint, refusal string, features array<double>"
)
_ARROW_SCHEMA = pa.schema(
    [
        ("entity", pa.string()),
        ("epoch", pa.int32()),
        ("partition", pa.int32()),
        ("offset", pa.int64()),
        ("event_time_ms", pa.int64()),
        ("as_of_ms", pa.int64()),
        ("arrived_ms", pa.int64()),
        ("event_id", pa.int64()),
        ("refusal", pa.string()),
        ("features", pa.list_(pa.float64())),
    ]
)


def event_features(events: DataFrame, scenario: Scenario, limits: EventLimits) -> DataFrame:
    """One row per record of `events` (columns of `batch.records.archived.events_to_fold`).

    Valid events: entity, epoch, partition, offset, event_time_ms, as_of_ms (latest event time
    folded so far, which is what the features know up to), arrived_ms (Kafka's time), event_id (what
    labels of events name it by; else null), features (k
    values in the plan's order, NaN where missing), bit-identical to what the stream computed.
    Refused ones: epoch, partition, offset, arrived_ms and refusal (a reason code); else null.
    """
    task = FoldTask(
        schema=scenario.schema,
        codec=scenario.codec,
        limits=limits,
        identity=scenario.label.of_event,
    )
    return sorted_for_fold(events, max_event_bytes=limits.max_event_bytes).mapInArrow(task, _SCHEMA)


@dataclass(frozen=True)
class FoldTask:
    """Folds the records of one Spark task; all events of a key must be in it, in order."""

    schema: EventSchema
    codec: StateCodec
    limits: EventLimits
    identity: tuple[str, str] | None = None

    def __call__(self, batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        """Batches of records to batches of `_ARROW_SCHEMA`."""
        decoder = self.limits.decoder(self.schema)
        cells: dict[str, bytes] = {}  # states as they would lie in the store
        for batch in batches:
            for run in runs(batch):
                events, folded = fold_run(self.codec, cells, decoder, run)
                yield _valid(events, run, folded, self._event_ids(events))
                if events.refusals:
                    yield refused_rows(events, run, _ARROW_SCHEMA)

    def _event_ids(self, events: Events) -> pa.Array:
        if self.identity is None:
            return pa.nulls(len(events.rows), pa.int64())
        event_type, field = self.identity
        ids = events.values[:, self.schema.columns[field]]
        is_other = events.type_codes != self.schema.type_codes[event_type]
        return pa.array(np.where(is_other, -1, ids).astype(np.int64), mask=is_other)


def fold_run(
    codec: StateCodec, cells: dict[str, bytes], decoder: EventDecoder, run: Run
) -> tuple[Events, Folded]:
    """Decode `run` and fold it onto `cells` (entity → state cell, changed in place).

    The same steps as in the stream: states are decoded, folded and encoded.
    """
    events = _at_home(codec, cells, decoder.decode(run.records, run.placement), run)
    entities = distinct(events.entities)
    states = codec.decode([cells.get(entity) for entity in entities.ids])
    folded = fold_batch(
        codec.plan,
        states,
        events,
        entities,
        offsets=run.records.offsets,
        first_stamp=run.first_stamp,
        partition=run.partition,
    )
    cells.update(zip(entities.ids, codec.encode(states), strict=True))
    return events, folded


def _at_home(codec: StateCodec, cells: dict[str, bytes], events: Events, run: Run) -> Events:
    """`events` without those of entities that another partition of the epoch has had.

    Only where neither a partitioner nor a dead letter gives the home: the lowest partition counts.
    """
    placement = run.placement
    if placement is None or placement.layout.is_computed or not cells:
        return events
    entities = distinct(events.entities)
    states = codec.decode([cells.get(entity) for entity in entities.ids])
    in_epoch = states.last_stamp >= run.first_stamp
    homes = np.where(in_epoch, states.partition, run.partition).astype(np.int64)
    return at_home(events, run.records, placement, homes[entities.rows])


def _valid(events: Events, run: Run, folded: Folded, event_ids: pa.Array) -> pa.RecordBatch:
    count = len(events.rows)
    ends = np.arange(count + 1, dtype=np.int32) * folded.features.shape[1]
    columns = [
        pa.array(events.entities, pa.string()),
        pa.array(np.full(count, run.epoch, dtype=np.int32)),
        pa.array(np.full(count, run.partition, dtype=np.int32)),
        pa.array(run.records.offsets[events.rows]),
        pa.array(events.times_ms),
        pa.array(folded.as_of_ms),
        pa.array(run.records.timestamps_ms[events.rows]),
        event_ids,
        pa.nulls(count, pa.string()),
        pa.ListArray.from_arrays(ends, folded.features.ravel()),
    ]
    return pa.RecordBatch.from_arrays(columns, schema=_ARROW_SCHEMA)


def refused_rows(events: Events, run: Run, schema: pa.Schema) -> pa.RecordBatch:
    """One row per refused record: position, arrival and reason code; other columns are null."""
    count = len(events.refusals)
    columns = {
        "epoch": pa.array(np.full(count, run.epoch, dtype=np.int32)),
        "partition": pa.array(np.full(count, run.partition, dtype=np.int32)),
        "offset": pa.array([int(run.records.offsets[refusal.row]) for refusal in events.refusals]),
        "refusal": pa.array([refusal.code for refusal in events.refusals]),
        "arrived_ms": pa.array(run.records.timestamps_ms[[r.row for r in events.refusals]]),
    }
    arrays = [
        columns.get(field.name, pa.nulls(count, field.type)).cast(field.type) for field in schema
    ]
    return pa.RecordBatch.from_arrays(arrays, schema=schema)
