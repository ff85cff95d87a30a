"""Logged predictions with the arrival of the event that they are about."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from batch.proofs.recompute.incarnations import incarnations
from batch.proofs.recompute.logged_frame import PREDICTION, SUPPRESSED, logged_rows
from batch.records.archived import archived_table
from batch.records.limits import EventLimits
from batch.records.record_batches import runs
from features.schema import EventSchema
from monitoring.cases import DAY_MS
from monitoring.matured.options import MaturedOptions
from scenarios.contract.scenario import Scenario
from stores.delta.tables import DeltaPlace

POSITION = ("topic_id", "partition", "offset")
_EVENT_IDS = "topic_id string, partition int, offset bigint, arrived_ms bigint, event_id bigint"
_ARROW_SCHEMA = pa.schema(
    [
        ("topic_id", pa.string()),
        ("partition", pa.int32()),
        ("offset", pa.int64()),
        ("arrived_ms", pa.int64()),
        ("event_id", pa.int64()),
    ]
)


def arrivals(
    spark: SparkSession, place: DeltaPlace, scenario: Scenario, options: MaturedOptions
) -> DataFrame:
    """`POSITION`, arrived_ms and event_id of every archived event that Kafka had by now.

    event_id: what labels name the event by; null where they are of entities, and for events of
    another type or without a valid value.
    """
    events = archived_table(spark, place, "events").where(F.col("epoch") >= 1)
    events = events.where(F.unix_millis("kafka_time") <= options.now_ms)
    if options.looked_back_ms is not None:
        events = events.where(F.unix_millis("kafka_time") >= options.looked_back_ms)
    if scenario.label.of_event is None:
        nothing = F.lit(None).cast("bigint").alias("event_id")
        return events.select(*POSITION, F.unix_millis("kafka_time").alias("arrived_ms"), nothing)
    records = events.withColumnRenamed("kafka_time", "timestamp").select(
        *POSITION, "epoch", "key", "value", "timestamp"
    )
    task = EventIdTask(scenario.schema, scenario.label.of_event, options.limits)
    return records.mapInArrow(task, _EVENT_IDS)


def logged_messages(
    spark: SparkSession, place: DeltaPlace, scenario: Scenario, options: MaturedOptions
) -> DataFrame:
    """One row per different message about an event: columns of `logged_rows`, `POSITION`,
    arrived_ms, event_id, and period (place in `options.periods`, by the event's arrival; null
    outside of them).
    """
    messages = archived_table(spark, place, "predictions")
    messages = messages.where(F.unix_millis("kafka_time") <= options.now_ms)
    if options.looked_back_ms is not None:
        # A day more: Kafka's time of a prediction may be that of the worker that made it.
        earliest_ms = options.looked_back_ms - DAY_MS
        messages = messages.where(F.unix_millis("kafka_time") >= earliest_ms)
    logged = logged_rows(messages, scenario=scenario.name, topic=scenario.topic("events"))
    topics = incarnations(archived_table(spark, place, "events"))
    placed = logged.where(F.col("kind").isin(PREDICTION, SUPPRESSED)).withColumn(
        "topic_id", topics.column(F.col("epoch"))
    )
    made = placed.join(arrivals(spark, place, scenario, options), on=list(POSITION), how="inner")
    return made.withColumn("period", options.period_of(F.col("arrived_ms")))


def first_of_position(messages: DataFrame) -> DataFrame:
    """Of the messages about one event the first that was logged: a replay by a newer version made
    the others, when somebody may have acted already.
    """
    values = [name for name in messages.columns if name not in POSITION]
    first = F.min_by(F.struct(*values), F.struct("logged_at", "id")).alias("first")
    return messages.groupBy(*POSITION).agg(first).select(*POSITION, "first.*")


@dataclass(frozen=True)
class EventIdTask:
    """Decodes the numbers by which labels name the events of one Spark task.

    identity: event type and field
    """

    schema: EventSchema
    identity: tuple[str, str]
    limits: EventLimits

    def __call__(self, batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        """Records with `POSITION`, epoch, key, value and timestamp to `_ARROW_SCHEMA`."""
        decoder = self.limits.decoder(self.schema)
        event_type, field = self.identity
        code, column = self.schema.type_codes[event_type], self.schema.columns[field]
        for batch in batches:
            ids = np.zeros(batch.num_rows, dtype=np.int64)
            is_missing = np.ones(batch.num_rows, dtype=np.bool_)
            arrived_ms = np.zeros(batch.num_rows, dtype=np.int64)
            begin = 0
            for run in runs(batch):
                events = decoder.decode(run.records)
                of_type = np.flatnonzero(events.type_codes == code)
                rows = begin + events.rows[of_type]
                ids[rows] = events.values[of_type, column].astype(np.int64)
                is_missing[rows] = False
                end = begin + len(run.records.offsets)
                arrived_ms[begin:end] = run.records.timestamps_ms
                begin = end
            columns = [batch.column(name) for name in POSITION]
            arrays = [*columns, pa.array(arrived_ms), pa.array(ids, mask=is_missing)]
            yield pa.RecordBatch.from_arrays(arrays, schema=_ARROW_SCHEMA)
