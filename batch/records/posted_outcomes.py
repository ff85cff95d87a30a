"""Outcomes of actions that were posted by prediction id, from archived records in a frame."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from pyspark.sql import DataFrame, SparkSession

from batch.records.archived import archived_records
from batch.records.limits import EventLimits
from batch.records.record_batches import Run, runs, sorted_for_fold
from scenarios.contract.records.outcomes import OutcomeDecoder, Outcomes
from stores.delta.tables import DeltaPlace, is_table

KIND = "outcomes"

_ARROW_SCHEMA = pa.schema(
    [
        ("entity", pa.string()),
        ("epoch", pa.int32()),
        ("partition", pa.int32()),
        ("offset", pa.int64()),
        ("acted_ms", pa.int64()),
        ("arrived_ms", pa.int64()),
        ("prediction_id", pa.string()),
        ("status", pa.string()),
        ("reason", pa.string()),
        ("offer", pa.string()),
        ("agent", pa.string()),
        ("cost", pa.float64()),
        ("refusal", pa.string()),
    ]
)
_SCHEMA = (
    "entity string, epoch int, partition int, offset bigint, acted_ms bigint, arrived_ms bigint,"
    " prediction_id string, status string, reason string, offer string, agent string, cost double,"
    " refusal string"
)


def posted_outcomes(
    spark: SparkSession, place: DeltaPlace, limits: EventLimits, *, until_ms: int
) -> DataFrame:
    """One row per record of the archive's outcomes that Kafka had by `until_ms`, UTC epoch ms.

    Valid ones: entity, epoch, partition, offset, acted_ms (their own time), arrived_ms (Kafka's),
    prediction_id, status, reason, offer, agent ("" without one), cost (0 without one). Refused:
    epoch, partition, offset, arrived_ms and refusal (a reason code); the rest is null. Empty for an
    archive that has no table of outcomes yet.
    """
    if not is_table(spark, place.path(KIND)):
        return spark.createDataFrame([], _SCHEMA)
    records = archived_records(spark, place, KIND, until_ms=until_ms)
    in_order = sorted_for_fold(records, max_event_bytes=limits.max_event_bytes)
    return in_order.mapInArrow(PostedOutcomeTask(limits), _SCHEMA)


@dataclass(frozen=True)
class PostedOutcomeTask:
    """Decodes outcome records of one Spark task."""

    limits: EventLimits

    def __call__(self, batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        """Batches of records to batches of `_ARROW_SCHEMA`."""
        decoder = OutcomeDecoder(
            max_event_bytes=self.limits.max_event_bytes,
            max_future_skew_seconds=self.limits.max_future_skew_seconds,
        )
        for batch in batches:
            for run in runs(batch):
                decoded = decoder.decode(run.records)
                yield _valid(decoded, run)
                if decoded.events.refusals:
                    yield _refused(decoded, run)


def _valid(decoded: Outcomes, run: Run) -> pa.RecordBatch:
    events, texts = decoded.events, decoded.texts
    count = len(events.rows)
    columns = {
        "entity": events.entities,
        "epoch": np.full(count, run.epoch),
        "partition": np.full(count, run.partition),
        "offset": run.records.offsets[events.rows],
        "acted_ms": events.times_ms,
        "arrived_ms": run.records.timestamps_ms[events.rows],
        **{name: [text[name] for text in texts] for name in ("prediction_id", "reason", "offer")},
        "agent": [text["agent"] for text in texts],
        "status": decoded.statuses,
        "cost": decoded.costs,
    }
    return _batch(columns, count)


def _refused(decoded: Outcomes, run: Run) -> pa.RecordBatch:
    refusals = decoded.events.refusals
    rows = [refusal.row for refusal in refusals]
    columns = {
        "epoch": np.full(len(rows), run.epoch),
        "partition": np.full(len(rows), run.partition),
        "offset": run.records.offsets[rows],
        "arrived_ms": run.records.timestamps_ms[rows],
        "refusal": [refusal.code for refusal in refusals],
    }
    return _batch(columns, len(rows))


def _batch(columns: dict[str, object], count: int) -> pa.RecordBatch:
    arrays = [
        pa.array(columns[field.name], field.type)
        if field.name in columns
        else pa.nulls(count, field.type)
        for field in _ARROW_SCHEMA
    ]
    return pa.RecordBatch.from_arrays(arrays, schema=_ARROW_SCHEMA)
