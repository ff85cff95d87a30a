"""Features of second entities for training: as of each event's time, from archived events."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import pyarrow as pa
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from batch.records.limits import EventLimits
from batch.training_sets.second_entity_history import as_lists, event_keys, history_rows
from batch.training_sets.second_entity_lookup import asked_and_history, looked_up_at
from scenarios.contract.keyed import KeyedEntity, keyed_entities
from scenarios.contract.scenario import Scenario

_POSITION = ("epoch", "partition", "offset")
_SCHEMA = "epoch int, partition int, offset bigint, looked_up array<double>"
_ARROW = pa.schema(
    [
        ("epoch", pa.int32()),
        ("partition", pa.int32()),
        ("offset", pa.int64()),
        ("looked_up", pa.list_(pa.float64())),
    ]
)


def second_entity_features(
    events: DataFrame,
    labels: DataFrame,
    folded: DataFrame,
    scenario: Scenario,
    limits: EventLimits,
) -> Sequence[tuple[KeyedEntity, DataFrame]]:
    """For each second entity what it says at every valid event.

    Columns: epoch, partition, offset, looked_up. events, labels: columns of `ARCHIVED_COLUMNS`;
    folded: `event_features` of the events. Values are as of the event's as_of_ms, of all that is
    dated until then; an event that names no such entity has no row.
    """
    topics = {"events": events, "labels": labels}
    lookups = []
    for keyed in keyed_entities(scenario):
        times = folded.where(F.col("refusal").isNull()).select(*_POSITION, "as_of_ms")
        named = event_keys(events, keyed, limits).join(times, on=list(_POSITION), how="inner")
        everything = named.withColumnRenamed("as_of_ms", "asked_ms")
        for kind in dict.fromkeys(source.topic_kind for source in keyed.entity.sources):
            rows = history_rows(topics[kind], keyed, kind, limits)
            everything = everything.unionByName(rows, allowMissingColumns=True)
        looked_up = everything.repartition("key").mapInArrow(LookupTask(keyed=keyed), _SCHEMA)
        lookups.append((keyed, looked_up))
    return lookups


def with_second_entities(
    rows: DataFrame, looked_up: Sequence[tuple[KeyedEntity, DataFrame]]
) -> DataFrame:
    """`rows` (with the position of their event) with one more column per looked-up feature.

    Missing (NaN) where the event names no such entity.
    """
    for keyed, values in looked_up:
        joined = rows.join(values, on=list(_POSITION), how="left")
        missing = F.lit(float("nan"))
        columns = [
            F.coalesce(F.get("looked_up", F.lit(position)), missing).alias(name)
            for position, name in enumerate(keyed.plan.feature_names)
        ]
        rows = joined.select(*rows.columns, *columns)
    return rows


@dataclass(frozen=True, kw_only=True)
class LookupTask:
    """Looks up for the events of one Spark task; all rows of a key must be in it."""

    keyed: KeyedEntity

    def __call__(self, batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        """Rows of history (asked_ms null) and of lookups, in any order, to rows of `_SCHEMA`."""
        lookup_rows, history = asked_and_history(batches)
        if lookup_rows.num_rows:
            features = looked_up_at(history, lookup_rows, self.keyed)
            positions = [lookup_rows.column(name).combine_chunks() for name in _POSITION]
            yield pa.RecordBatch.from_arrays([*positions, as_lists(features)], schema=_ARROW)
