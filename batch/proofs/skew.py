"""How far the features of second entities used for scoring are from their offline values.

The scoring pass reads a second entity as it is known at that moment: what its own keyed stream has
not folded yet is missing, and a replay may know more. Offline the value is what all events dated
until then say, whenever they came. The difference is measured here, from the archive alone.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime

import numpy as np
import pyarrow as pa
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from batch.proofs.recompute.bits import compared
from batch.proofs.recompute.incarnations import incarnations
from batch.proofs.recompute.logged_frame import PREDICTION, logged_rows
from batch.records.archived import archived_records, archived_table
from batch.records.limits import EventLimits
from batch.training_sets.second_entity_history import as_lists, event_keys, history_rows
from batch.training_sets.second_entity_lookup import asked_and_history, looked_up_at, matrix
from scenarios.contract.keyed import KeyedEntity
from scenarios.contract.scenario import Scenario
from stores.delta.tables import DeltaPlace

_SCHEMA = "equal array<double>, missing array<double>, distance array<double>"
_ARROW = pa.schema([(n, pa.list_(pa.float64())) for n in ("equal", "missing", "distance")])


@dataclass(frozen=True, kw_only=True)
class SkewOptions:
    """limits: the stream's; day, since: only what was scored on that UTC day, from then on."""

    limits: EventLimits
    day: date | None = None
    since: datetime | None = None


def skew_rows(
    spark: SparkSession, place: DeltaPlace, keyed: KeyedEntity, *, options: SkewOptions
) -> DataFrame:
    """One row per different prediction about an event that names a `keyed`, in no order.

    Columns equal, missing, distance: one number per feature of the second entity; equal to the bit
    (1 or 0), only one side has a value (1 or 0), absolute difference (NaN where one is missing).
    Raises `TableAbsent` when nothing has been archived yet.
    """
    scenario, limits = keyed.scenario, options.limits
    events = archived_records(spark, place, "events")
    history = [
        history_rows(archived_records(spark, place, kind), keyed, kind, limits)
        for kind in dict.fromkeys(source.topic_kind for source in keyed.entity.sources)
    ]
    lookups = _lookups(spark, place, scenario, event_keys(events, keyed, limits), options)
    everything = lookups
    for rows in history:
        everything = everything.unionByName(rows, allowMissingColumns=True)
    first = scenario.feature_names.index(keyed.plan.feature_names[0])
    task = SkewTask(keyed=keyed, first_feature=first)
    return everything.repartition("key").mapInArrow(task, _SCHEMA)


def _lookups(
    spark: SparkSession,
    place: DeltaPlace,
    scenario: Scenario,
    keys: DataFrame,
    options: SkewOptions,
) -> DataFrame:
    """Key, asked_ms and logged features of every prediction that has today's feature row."""
    topics = incarnations(archived_table(spark, place, "events"))
    messages = archived_table(spark, place, "predictions").select("value", "kafka_time")
    logged = logged_rows(messages, scenario=scenario.name, topic=scenario.topic("events"))
    is_comparable = (F.col("kind") == PREDICTION) & (
        F.col("definitions") == scenario.definitions_digest
    )
    if options.day is not None:
        is_comparable &= F.to_date(F.timestamp_millis("scored_at")) == F.lit(options.day)
    if options.since is not None:
        is_comparable &= F.col("scored_at") >= F.lit(int(options.since.timestamp() * 1000))
    position = ["topic_id", "partition", "offset"]
    topic_id = topics.column(F.col("epoch")).alias("topic_id")
    predictions = logged.where(is_comparable).select(
        topic_id, "partition", "offset", F.col("features_as_of").alias("asked_ms"), "features"
    )
    named = keys.select(topic_id, "partition", "offset", "key")
    return predictions.join(named, on=position, how="inner").select("key", "asked_ms", "features")


@dataclass(frozen=True, kw_only=True)
class SkewTask:
    """Compares the predictions of one Spark task; all rows of a key must be in it."""

    keyed: KeyedEntity
    first_feature: int

    def __call__(self, batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        """Rows of history (asked_ms null) and of lookups, in any order, to rows of `_SCHEMA`."""
        lookups, history = asked_and_history(batches)
        if not lookups.num_rows:
            return
        end = self.first_feature + len(self.keyed.plan.feature_names)
        width = len(self.keyed.scenario.feature_names)
        logged = matrix(lookups, "features", width)[:, self.first_feature : end]
        comparison = compared(logged, looked_up_at(history, lookups, self.keyed))
        columns = [comparison.equal, comparison.missing, comparison.distance]
        lists = [as_lists(column.astype(np.float64)) for column in columns]
        yield pa.RecordBatch.from_arrays(lists, schema=_ARROW)
