"""Mature outcomes of entities, from label records in a frame."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from pyspark.sql import DataFrame

from batch.records.limits import EventLimits
from batch.records.record_batches import Run, runs, sorted_for_fold
from batch.training_sets.event_features import refused_rows
from features.events.decode import Events
from scenarios.contract.scenario import Label

MS_PER_DAY = 86_400_000
# What identifies an outcome; the event only where labels are of events.
OUTCOME_KEY = ("entity", "label_time_ms", "event_id")

_SCHEMA = (
    "entity string, epoch int, partition int, offset bigint, label_time_ms bigint, "
    "arrived_ms bigint, event_id bigint, label int, refusal string"
)
_ARROW_SCHEMA = pa.schema(
    [
        ("entity", pa.string()),
        ("epoch", pa.int32()),
        ("partition", pa.int32()),
        ("offset", pa.int64()),
        ("label_time_ms", pa.int64()),
        ("arrived_ms", pa.int64()),
        ("event_id", pa.int64()),
        ("label", pa.int32()),
        ("refusal", pa.string()),
    ]
)


def outcomes(labels: DataFrame, label: Label, limits: EventLimits) -> DataFrame:
    """One row per record of `labels` (columns of `ARCHIVED_COLUMNS`): an outcome, or refused.

    Outcomes: entity, epoch, partition, offset, label_time_ms, arrived_ms (Kafka's time), event_id
    (of the event it belongs to; null where labels are of entities), label (1 positive, 0
    otherwise). Refused records: epoch, partition, offset, arrived_ms and
    refusal (a reason code).
    """
    in_order = sorted_for_fold(labels, max_event_bytes=limits.max_event_bytes)
    return in_order.mapInArrow(OutcomeTask(label=label, limits=limits), _SCHEMA)


def mature(outcome_rows: DataFrame, label: Label, *, now_ms: int) -> DataFrame:
    """The valid outcomes of `outcomes` that are old enough at `now_ms`, as `last_published`."""
    from pyspark.sql import functions as F

    latest_ms = now_ms - int(label.maturity_days * MS_PER_DAY)
    return last_published(outcome_rows.where(F.col("label_time_ms") <= latest_ms))


def last_published(outcome_rows: DataFrame) -> DataFrame:
    """One row per valid outcome of `outcomes`, mature or not: `OUTCOME_KEY`, label, known_ms
    (when the first label of it arrived), counted_ms (when the value that counts first arrived),
    records, is_contradicted.

    Of several for the same entity, event and time the last published one counts, so a label can be
    corrected, and publishing twice changes nothing. The last one is the one that Kafka had last:
    two clients may put labels of an entity into two partitions, whose offsets have no order.
    """
    from pyspark.sql import functions as F

    order = F.struct("epoch", "arrived_ms", "offset")
    valid = outcome_rows.where(F.col("refusal").isNull()).groupBy(*OUTCOME_KEY)
    published = valid.agg(
        F.max_by("label", order).alias("label"),
        F.min("arrived_ms").alias("known_ms"),
        F.min(F.when(F.col("label") == 1, F.col("arrived_ms"))).alias("positive_ms"),
        F.min(F.when(F.col("label") == 0, F.col("arrived_ms"))).alias("negative_ms"),
        F.count("*").alias("records"),
        (F.min("label") != F.max("label")).alias("is_contradicted"),
    )
    counted = F.when(F.col("label") == 1, F.col("positive_ms")).otherwise(F.col("negative_ms"))
    return published.withColumn("counted_ms", counted).drop("positive_ms", "negative_ms")


@dataclass(frozen=True)
class OutcomeTask:
    """Decodes label records of one Spark task."""

    label: Label
    limits: EventLimits

    def __call__(self, batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        """Batches of records to batches of `_ARROW_SCHEMA`."""
        decoder = self.limits.decoder(self.label.schema)
        for batch in batches:
            for run in runs(batch):
                events = decoder.decode(run.records)
                yield self._valid(events, run)
                if events.refusals:
                    yield refused_rows(events, run, _ARROW_SCHEMA)

    def _valid(self, events: Events, run: Run) -> pa.RecordBatch:
        schema = self.label.schema
        positions = np.flatnonzero(events.type_codes == schema.type_codes[self.label.event_type])
        values = events.values[positions, schema.columns[self.label.field]]
        rows, count = events.rows[positions], len(positions)
        columns = [
            pa.array([events.entities[row] for row in positions.tolist()], pa.string()),
            pa.array(np.full(count, run.epoch, dtype=np.int32)),
            pa.array(np.full(count, run.partition, dtype=np.int32)),
            pa.array(run.records.offsets[rows]),
            pa.array(events.times_ms[positions]),
            pa.array(run.records.timestamps_ms[rows]),
            self._event_ids(events, positions),
            pa.array((values == positive_code(self.label)).astype(np.int32)),
            pa.nulls(count, pa.string()),
        ]
        return pa.RecordBatch.from_arrays(columns, schema=_ARROW_SCHEMA)

    def _event_ids(self, events: Events, positions: npt.NDArray[np.int64]) -> pa.Array:
        if self.label.of_event is None:
            return pa.nulls(len(positions), pa.int64())
        column = self.label.schema.columns[self.label.of_event[1]]
        return pa.array(events.values[positions, column].astype(np.int64))


def positive_code(label: Label) -> float:
    """The code of the positive outcome; raises `ValueError` when the field cannot have it."""
    codes = getattr(label.schema.fields[label.field], "codes", {})
    if label.positive not in codes:
        raise ValueError(
            f"label field {label.field!r} has no value {label.positive!r}; it has {list(codes)}"
        )
    return float(codes[label.positive])
