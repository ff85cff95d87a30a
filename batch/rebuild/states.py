"""States and latest rows rebuilt from the archive alone, for a lost table or new definitions."""

import sys
from collections.abc import Iterator
from dataclasses import dataclass

import pyarrow as pa
from pyspark.sql import Column, DataFrame, SparkSession
from pyspark.sql import functions as F

from batch.records.archived import archived_table, events_to_fold
from batch.records.limits import EventLimits
from batch.records.record_batches import runs, sorted_for_fold
from batch.training_sets.event_features import fold_run
from features.events.reasons import ATTACHMENT_MISSING
from features.fold.state import StateCodec
from features.schema import EventSchema
from stores.delta.epoch_table import completed_epochs
from stores.delta.tables import DeltaPlace
from stores.hbase.connection import HBaseStore, Session
from stores.hbase.stamps import OFFSET_BITS, stamp
from stores.hbase.states import StateTable
from stores.records.epochs import EpochRecord

_CELLS = "entity string, cell binary"
_WRITTEN = "entities bigint"
_ROWS_PER_WRITE = 1000


@dataclass(frozen=True)
class StateTask:
    """Folds all records of one Spark task into the final state of each entity."""

    schema: EventSchema
    codec: StateCodec
    limits: EventLimits

    def __call__(self, batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        """Records as `sorted_for_fold` gives them to columns entity, cell."""
        decoder = self.limits.decoder(self.schema)
        cells: dict[str, bytes] = {}
        missing = 0
        for batch in batches:
            for run in runs(batch):
                events, _ = fold_run(self.codec, cells, decoder, run)
                missing += sum(r.code == ATTACHMENT_MISSING for r in events.refusals)
        if missing:
            what = "events are left out: the store has no content for their attachments"
            print(f"{missing:,} {what} ({ATTACHMENT_MISSING})", file=sys.stderr, flush=True)
        yield pa.RecordBatch.from_arrays(
            [pa.array(list(cells), pa.string()), pa.array(list(cells.values()), pa.binary())],
            names=["entity", "cell"],
        )


@dataclass(frozen=True)
class WriteTask:
    """Writes states and rows into the store, all at stamp `position`."""

    store: HBaseStore
    scenario: str
    position: int
    retry_seconds: float

    def __call__(self, batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        """Columns entity, cell, document (or null) to column entities: how many were written."""
        table = StateTable(Session(self.store, self.retry_seconds), self.scenario)
        for batch in batches:
            for begin in range(0, batch.num_rows, _ROWS_PER_WRITE):
                part = batch.slice(begin, _ROWS_PER_WRITE)
                ids, cells, rows = (
                    part.column(name).to_pylist() for name in ("entity", "cell", "document")
                )
                table.write(ids, cells, rows, position=self.position)
            yield pa.RecordBatch.from_arrays(
                [pa.array([batch.num_rows], pa.int64())], names=["entities"]
            )


def position_before(record: EpochRecord) -> int:
    """The last stamp before every event of `record`'s epoch, after everything older."""
    return stamp(record.epoch, 0) - 1


def rebuilt_states(
    spark: SparkSession, place: DeltaPlace, task: StateTask, *, record: EpochRecord
) -> DataFrame:
    """Columns entity, cell: final states from the archived events before `record`'s epoch.

    Stamps inside the states are those of the events themselves, so a state is equal, to the byte,
    to the one that the stream had written.
    """
    is_older = F.col("topic_id") != record.topic_id
    events = archived_table(spark, place, "events").where("epoch >= 1")
    wanted = events.where(is_older | _is_before(record))
    starts = completed_epochs(spark, place, record.starts)
    to_fold = events_to_fold(spark, place, wanted, starts=starts)
    in_order = sorted_for_fold(to_fold, max_event_bytes=task.limits.max_event_bytes)
    return in_order.mapInArrow(task, _CELLS)


def rebuilt_rows(
    predictions: DataFrame, published: DataFrame | None, *, record: EpochRecord
) -> DataFrame:
    """Columns entity, document: each entity's latest row before `record`'s epoch.

    predictions: the archived topic; published: rows of batch runs that went to the store
    (entity, position, document, run), if any. As in the store the newest position wins, at equal
    positions the batch run, which came later.
    """
    text = F.col("value").cast("string")
    shape = "prediction_id string, source struct<partition:int,offset:bigint>"
    messages = predictions.select(
        F.col("key").cast("string").alias("entity"),
        "epoch",
        F.from_json(text, shape).alias("message"),
        text.alias("text"),
        F.col("offset").alias("log_offset"),
    ).where(F.col("message.prediction_id").isNotNull())
    messages = messages.select(
        "*", F.col("message.source.partition").alias("partition"), F.col("message.source.offset")
    )
    messages = messages.where(~F.col("epoch").isin(record.epochs_of_topic) | _is_before(record))
    # A quote inside a JSON string is escaped, so this text ends the row and occurs nowhere else.
    row = F.concat(F.substring_index("text", ',"features":[', 1), F.lit("}")).cast("binary")
    position = F.shiftleft(F.col("epoch").cast("bigint"), OFFSET_BITS) + F.col("offset")
    none = F.lit("").alias("run")
    document = row.alias("document")
    rows = messages.select("entity", position.alias("position"), none, "log_offset", document)
    if published is not None:
        first = F.lit(0).cast("bigint").alias("log_offset")
        rows = rows.unionByName(published.select("entity", "position", "run", first, "document"))
    order = F.struct("position", "run", "log_offset")
    return rows.groupBy("entity").agg(F.max_by("document", order).alias("document"))


def write_states(states: DataFrame, rows: DataFrame, task: WriteTask) -> int:
    """Write states with their rows; returns how many. The same call again writes the same cells."""
    both = states.join(rows, on="entity", how="left").select("entity", "cell", "document")
    counts = both.mapInArrow(task, _WRITTEN).agg(F.sum("entities")).first()
    return int(counts[0] or 0) if counts else 0


def _is_before(record: EpochRecord) -> Column:
    """Whether an event of the present topic lies before the epoch's first offsets."""
    condition = F.lit(False)
    for partition, first in record.first_offsets.items():
        condition = condition | ((F.col("partition") == partition) & (F.col("offset") < first))
    return condition
