"""Features after every event, from records in a frame: the stream's own fold, run in Spark."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from pyspark.sql import DataFrame

from batch.limits import EventLimits
from batch.record_batches import partition_runs
from features.decode import Events, Records
from features.fold import Entities, distinct, fold
from features.schema import EventSchema
from features.state import StateCodec, States
from scenarios.scenario import Scenario

_SCHEMA = (
    "entity string, partition int, offset bigint, event_time_ms bigint, as_of_ms bigint, "
    "refusal string, features array<double>"
)
_ARROW_SCHEMA = pa.schema(
    [
        ("entity", pa.string()),
        ("partition", pa.int32()),
        ("offset", pa.int64()),
        ("event_time_ms", pa.int64()),
        ("as_of_ms", pa.int64()),
        ("refusal", pa.string()),
        ("features", pa.list_(pa.float64())),
    ]
)


class EntityMoved(RuntimeError):
    """Events of one entity lie in two partitions, so their order is not known."""

    exit_code = 4


def event_features(events: DataFrame, scenario: Scenario, limits: EventLimits) -> DataFrame:
    """One row per record of `events` (columns of `RECORD_COLUMNS`).

    Valid events: entity, partition, offset, event_time_ms, as_of_ms (latest event time folded so
    far, which is what the features know up to), features (k values in the plan's order, NaN where
    missing), bit-identical to what the stream computed. Refused ones: partition, offset and
    refusal (a reason code); the rest is null.
    """
    task = FoldTask(schema=scenario.schema, codec=scenario.codec, limits=limits)
    # All events of a key meet in one task; within it they come in offset order.
    sorted_events = events.repartition("key").sortWithinPartitions("partition", "offset")
    return sorted_events.mapInArrow(task, _SCHEMA)


@dataclass(frozen=True)
class FoldTask:
    """Folds the records of one Spark task; all events of a key must be in it, in order."""

    schema: EventSchema
    codec: StateCodec
    limits: EventLimits

    def __call__(self, batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        """Batches of records to batches of `_ARROW_SCHEMA`; raises `EntityMoved`."""
        decoder = self.limits.decoder(self.schema)
        cells: dict[str, bytes] = {}  # states as they would lie in the store
        for batch in batches:
            for partition, records in partition_runs(batch):
                events = decoder.decode(records)
                yield self._valid(events, records, cells, partition)
                if events.refusals:
                    yield _refused(events, records, partition)

    def _valid(
        self, events: Events, records: Records, cells: dict[str, bytes], partition: int
    ) -> pa.RecordBatch:
        entities = distinct(events.entities)
        states = self.codec.decode([cells.get(entity) for entity in entities.ids])
        refuse_moved(entities, states, partition)
        offsets = records.offsets[events.rows]
        folded = fold(
            self.codec.plan,
            states,
            events,
            entity_rows=entities.rows,
            stamps=offsets,
            partition=partition,
        )
        cells.update(zip(entities.ids, self.codec.encode(states), strict=True))
        ends = np.arange(len(offsets) + 1, dtype=np.int32) * folded.features.shape[1]
        columns = [
            pa.array(events.entities, pa.string()),
            pa.array(np.full(len(offsets), partition, dtype=np.int32)),
            pa.array(offsets),
            pa.array(events.times_ms),
            pa.array(folded.as_of_ms),
            pa.nulls(len(offsets), pa.string()),
            pa.ListArray.from_arrays(ends, folded.features.ravel()),
        ]
        return pa.RecordBatch.from_arrays(columns, schema=_ARROW_SCHEMA)


def refuse_moved(entities: Entities, states: States, partition: int) -> None:
    """Raise `EntityMoved` when a state comes from another partition than `partition`."""
    moved = np.flatnonzero((states.partition >= 0) & (states.partition != partition))
    if len(moved):
        first = int(moved[0])
        raise EntityMoved(
            f"events of {entities.ids[first]!r} lie in the partitions "
            f"{int(states.partition[first])} and {partition}, so their order is unknown: the "
            "topic's partition count changed; train from events of one epoch"
        )


def _refused(events: Events, records: Records, partition: int) -> pa.RecordBatch:
    count = len(events.refusals)
    columns = {
        "partition": pa.array(np.full(count, partition, dtype=np.int32)),
        "offset": pa.array([int(records.offsets[each.row]) for each in events.refusals]),
        "refusal": pa.array([each.code for each in events.refusals]),
    }
    arrays = [
        columns.get(field.name, pa.nulls(count, field.type)).cast(field.type)
        for field in _ARROW_SCHEMA
    ]
    return pa.RecordBatch.from_arrays(arrays, schema=_ARROW_SCHEMA)
