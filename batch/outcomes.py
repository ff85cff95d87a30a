"""Mature outcomes of entities, from label records in a frame."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from pyspark.sql import DataFrame

from batch.limits import EventLimits
from batch.record_batches import partition_runs
from features.decode import Events, Records
from scenarios.scenario import Label

MS_PER_DAY = 86_400_000

_SCHEMA = (
    "entity string, partition int, offset bigint, label_time_ms bigint, label int, refusal string"
)
_ARROW_SCHEMA = pa.schema(
    [
        ("entity", pa.string()),
        ("partition", pa.int32()),
        ("offset", pa.int64()),
        ("label_time_ms", pa.int64()),
        ("label", pa.int32()),
        ("refusal", pa.string()),
    ]
)


def outcomes(labels: DataFrame, label: Label, limits: EventLimits) -> DataFrame:
    """One row per record of `labels` (columns of `RECORD_COLUMNS`) that is an outcome or refused.

    Outcomes: entity, partition, offset, label_time_ms, label (1 positive, 0 otherwise). Refused
    records: partition, offset and refusal (a reason code).
    """
    sorted_labels = labels.repartition("key").sortWithinPartitions("partition", "offset")
    return sorted_labels.mapInArrow(OutcomeTask(label=label, limits=limits), _SCHEMA)


def mature(found: DataFrame, label: Label, *, now_ms: int) -> DataFrame:
    """The valid outcomes of `outcomes` that are old enough at `now_ms`: entity, label_time_ms,
    label.

    Of several for the same entity and time the last published one counts, so a label can be
    corrected, and publishing twice changes nothing.
    """
    from pyspark.sql import functions as F

    latest_ms = now_ms - int(label.maturity_days * MS_PER_DAY)
    usable = F.col("refusal").isNull() & (F.col("label_time_ms") <= latest_ms)
    valid = found.where(usable).groupBy("entity", "label_time_ms")
    return valid.agg(F.max_by("label", "offset").alias("label"))


@dataclass(frozen=True)
class OutcomeTask:
    """Decodes label records of one Spark task."""

    label: Label
    limits: EventLimits

    def __call__(self, batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        """Batches of records to batches of `_ARROW_SCHEMA`."""
        decoder = self.limits.decoder(self.label.schema)
        for batch in batches:
            for partition, records in partition_runs(batch):
                events = decoder.decode(records)
                yield self._valid(events, records, partition)
                if events.refusals:
                    yield _refused(events, records, partition)

    def _valid(self, events: Events, records: Records, partition: int) -> pa.RecordBatch:
        schema = self.label.schema
        chosen = np.flatnonzero(events.type_codes == schema.type_codes[self.label.event_type])
        values = events.values[chosen, schema.columns[self.label.field]]
        columns = [
            pa.array([events.entities[row] for row in chosen.tolist()], pa.string()),
            pa.array(np.full(len(chosen), partition, dtype=np.int32)),
            pa.array(records.offsets[events.rows[chosen]]),
            pa.array(events.times_ms[chosen]),
            pa.array((values == positive_code(self.label)).astype(np.int32)),
            pa.nulls(len(chosen), pa.string()),
        ]
        return pa.RecordBatch.from_arrays(columns, schema=_ARROW_SCHEMA)


def positive_code(label: Label) -> float:
    """The code of the positive outcome; raises `ValueError` when the field cannot have it."""
    codes = getattr(label.schema.fields[label.field], "codes", {})
    if label.positive not in codes:
        raise ValueError(
            f"label field {label.field!r} has no value {label.positive!r}; it has {list(codes)}"
        )
    return float(codes[label.positive])


def _refused(events: Events, records: Records, partition: int) -> pa.RecordBatch:
    count = len(events.refusals)
    arrays = [
        pa.nulls(count, pa.string()),
        pa.array(np.full(count, partition, dtype=np.int32)),
        pa.array([int(records.offsets[each.row]) for each in events.refusals], pa.int64()),
        pa.nulls(count, pa.int64()),
        pa.nulls(count, pa.int32()),
        pa.array([each.code for each in events.refusals], pa.string()),
    ]
    return pa.RecordBatch.from_arrays(arrays, schema=_ARROW_SCHEMA)
