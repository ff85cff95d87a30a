"""The streaming query in real-time mode: Kafka source → `FrameBridge` → Kafka sink.

One batch of Spark lasts an hour. Between two batches the stream stands still for a moment, and
nothing else depends on them: where a query goes on is in the markers of its frames.
"""

import pickle
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from features.events.arrow_records import RECORD_COLUMNS
from streaming.passes.joined_batches import MOST_BYTES
from streaming.passes.kind import PassKind
from streaming.passes.output import OUTPUT_SCHEMA
from streaming.passes.settings import PassSettings
from streaming.position.checkpoints import Generation
from streaming.query.query import QuerySettings, kafka_sink, kafka_source, record_columns

_BRIDGE = "everscore.FrameBridge"
_ACKNOWLEDGEMENTS = f"{_BRIDGE}$Acknowledgements"
# A frame writes one version of a customer's state, and a replay begins at the oldest frame that may
# not be published: far fewer than the versions that are kept (hbase.state_versions).
_UNPUBLISHED_FRAMES = 64
_ANSWER_MARGIN_SECONDS = 30.0


@dataclass(frozen=True, kw_only=True)
class RealTimeSettings:
    """How long a batch of Spark lasts, and the job's files that workers on other machines need."""

    batch_seconds: float
    files: Sequence[str] = ()


def start_real_time_query(
    spark: Any,
    settings: QuerySettings,
    real_time: RealTimeSettings,
    *,
    scoring: PassSettings,
    generation: Generation,
    kind: PassKind,
) -> Any:
    """Start the pass and return Spark's query; at-least-once, made exact by the store."""
    records = (
        kafka_source(spark, settings, generation)
        .load()
        .select(*record_columns(scoring))
        .withColumn("timestamp", F.unix_micros("timestamp"))
    )
    messages = _through_bridge(spark, records, real_time, scoring=scoring, kind=kind)
    return (
        kafka_sink(messages, settings, scoring)
        .option("kafka.interceptor.classes", _ACKNOWLEDGEMENTS)
        .option("checkpointLocation", generation.checkpoint)
        .outputMode("update")
        .queryName(f"{kind.name}-{scoring.scenario}")
        .trigger(realTime=f"{real_time.batch_seconds:g} seconds")
        .start()
    )


def _through_bridge(
    spark: Any,
    records: DataFrame,
    real_time: RealTimeSettings,
    *,
    scoring: PassSettings,
    kind: PassKind,
) -> DataFrame:
    context = spark.sparkContext
    bridge = context._jvm.everscore.FrameBridge(
        pickle.dumps((scoring.scenario, partial(kind.opened, scoring))),
        context.pythonExec,
        dict(context.environment),
        list(real_time.files),
        RECORD_COLUMNS.index("offset"),
        scoring.batch_rows,
        MOST_BYTES,
        _UNPUBLISHED_FRAMES,
        # A worker that waits for HBase is not hanging.
        int((scoring.retry_seconds + _ANSWER_MARGIN_SECONDS) * 1000),
    )
    schema = context._jvm.org.apache.spark.sql.types.StructType.fromDDL(OUTPUT_SCHEMA)
    return DataFrame(bridge.over(records._jdf, schema), spark)


def running_tasks(spark: Any) -> int:
    """Tasks in this JVM that still end their frames."""
    return int(spark.sparkContext._jvm.everscore.FrameBridge.runningTasks())
