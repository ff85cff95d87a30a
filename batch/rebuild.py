"""States made anew from the events alone, for changed definitions or lost history."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import pyarrow as pa
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from batch.event_features import refuse_moved
from batch.limits import EventLimits
from batch.record_batches import partition_runs
from features.fold import distinct, fold
from features.schema import EventSchema
from features.state import StateCodec
from stores.connection import HBaseStore, Session
from stores.epochs import EpochRecord
from stores.stamps import stamp
from stores.states import StateTable

_CELLS = "entity string, partition int, cell binary"
_WRITTEN = "partition int, entities bigint"
_ROWS_PER_WRITE = 1000


class HistoryLost(RuntimeError):
    """The topic no longer holds every event from the beginning."""

    exit_code = 4


@dataclass(frozen=True)
class StateTask:
    """Folds all records of one Spark task and gives the final state of each entity."""

    schema: EventSchema
    codec: StateCodec
    limits: EventLimits
    epoch: int

    def __call__(self, batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        """Sorted records to columns entity, partition, cell."""
        decoder = self.limits.decoder(self.schema)
        cells: dict[str, bytes] = {}
        partition_of: dict[str, int] = {}
        for batch in batches:
            for partition, records in partition_runs(batch):
                events = decoder.decode(records)
                entities = distinct(events.entities)
                states = self.codec.decode([cells.get(each) for each in entities.ids])
                refuse_moved(entities, states, partition)
                fold(
                    self.codec.plan,
                    states,
                    events,
                    entity_rows=entities.rows,
                    stamps=records.offsets[events.rows] + stamp(self.epoch, 0),
                    partition=partition,
                )
                cells.update(zip(entities.ids, self.codec.encode(states), strict=True))
                partition_of.update(dict.fromkeys(entities.ids, partition))
        yield pa.RecordBatch.from_arrays(
            [
                pa.array(list(cells), pa.string()),
                pa.array([partition_of[each] for each in cells], pa.int32()),
                pa.array(list(cells.values()), pa.binary()),
            ],
            names=["entity", "partition", "cell"],
        )


@dataclass(frozen=True)
class WriteTask:
    """Writes states into the store at the stamp before their partition's next offset."""

    store: HBaseStore
    scenario: str
    epoch: int
    next_offsets: Mapping[int, int]
    retry_seconds: float

    def __call__(self, batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        """Columns entity, partition, cell to columns partition, entities (how many written)."""
        table = StateTable(Session(self.store, self.retry_seconds), self.scenario)
        for batch in batches:
            rows = batch.to_pylist()
            for partition in sorted({row["partition"] for row in rows}):
                chosen = [row for row in rows if row["partition"] == partition]
                position = stamp(self.epoch, self.next_offsets[partition] - 1)
                for begin in range(0, len(chosen), _ROWS_PER_WRITE):
                    part = chosen[begin : begin + _ROWS_PER_WRITE]
                    ids = [row["entity"] for row in part]
                    cells = [row["cell"] for row in part]
                    table.write(ids, cells, [None] * len(ids), position=position)
                yield pa.RecordBatch.from_arrays(
                    [pa.array([partition], pa.int32()), pa.array([len(chosen)], pa.int64())],
                    names=["partition", "entities"],
                )


def rebuilt_states(
    events: DataFrame, task: StateTask, *, next_offsets: Mapping[int, int]
) -> DataFrame:
    """Final states from the records of `events` below `next_offsets` (partition → offset)."""
    limits = F.create_map(*[F.lit(n) for pair in next_offsets.items() for n in pair])
    wanted = events.where(F.col("offset") < limits[F.col("partition")])
    ordered = wanted.repartition("key").sortWithinPartitions("partition", "offset")
    return ordered.mapInArrow(task, _CELLS)


def write_states(states: DataFrame, task: WriteTask) -> int:
    """Write them and return how many; the same call again writes the same cells."""
    counts = states.mapInArrow(task, _WRITTEN).agg(F.sum("entities")).first()
    return int(counts[0] or 0) if counts else 0


def check_history_is_whole(record: EpochRecord, first_kept: Mapping[int, int]) -> None:
    """Raise `HistoryLost` unless the topic still holds every event since its creation."""
    lost = {partition: first for partition, first in first_kept.items() if first > 0}
    if lost or not record.is_whole_history:
        why = f"its first kept offsets are {lost}" if lost else "the topic was recreated"
        raise HistoryLost(
            f"{record.topic} does not hold the whole history: {why}; states made from it would "
            "miss events. Nothing was changed"
        )
