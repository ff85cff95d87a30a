"""The streaming query in real-time mode: Kafka source → `FrameBridge` → Kafka sink.

One batch of Spark lasts an hour. Between two batches the stream stands still for a moment, and
nothing else depends on them: where a query goes on is in the markers of its frames.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from pyspark.sql import functions as F

from streaming.passes.kind import PassKind
from streaming.passes.settings import PassSettings
from streaming.position.checkpoints import Generation
from streaming.query.query import (
    QuerySettings,
    kafka_sink,
    kafka_source,
    record_columns,
    without_whole_stages,
)
from streaming.real_time.bridge import ACKNOWLEDGEMENTS, Bridge

# A frame writes one version of a customer's state, and a replay begins at the oldest frame that may
# not be published: far fewer than the versions that are kept (hbase.state_versions).
_UNPUBLISHED_FRAMES = 64
# A worker that waits for HBase does not hang.
_ANSWER_MARGIN_SECONDS = 30.0


@dataclass(frozen=True, kw_only=True)
class RealTimeSettings:
    """How a query runs in real-time mode.

    batch_seconds    how long a batch of Spark lasts
    files            files of the job that workers on other machines have on their path
    is_in_this_jvm   whether the tasks run in the driver's own JVM
    """

    batch_seconds: float
    files: Sequence[str] = ()
    is_in_this_jvm: bool = True


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
    without_whole_stages(spark)
    records = (
        kafka_source(spark, settings, generation)
        .load()
        .select(*record_columns(scoring))
        .withColumn("timestamp", F.unix_micros("timestamp"))
    )
    bridge = Bridge(
        scenario=scoring.scenario,
        opened=partial(kind.opened, scoring),
        most_rows=scoring.batch_rows,
        unpublished_frames=_UNPUBLISHED_FRAMES,
        answer_seconds=scoring.retry_seconds + _ANSWER_MARGIN_SECONDS,
        files=real_time.files,
    )
    return (
        kafka_sink(bridge.over(spark, records), settings, scoring)
        .option("kafka.interceptor.classes", ACKNOWLEDGEMENTS)
        .option("checkpointLocation", generation.checkpoint)
        .outputMode("update")
        .queryName(f"{kind.name}-{scoring.scenario}")
        .trigger(realTime=f"{real_time.batch_seconds:g} seconds")
        .start()
    )
