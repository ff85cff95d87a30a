"""The streaming query: Kafka source → one `mapInArrow` → Kafka sink, with asynchronous progress."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from features.events.bounded_columns import bounded_columns
from stores.kafka.committed import COMMITTED_SOURCE
from stores.kafka.topic_plan import dead_letter_message_bytes
from streaming.messages.dead_letters import KEY_BYTES
from streaming.passes.kind import PassKind
from streaming.passes.output import OUTPUT_SCHEMA
from streaming.passes.settings import PassSettings
from streaming.position.checkpoints import Generation

# Spark would generate one function for a whole stage, again for every micro-batch, with almost
# nothing to gain. Rows are still converted by generated code: it is reused from batch to batch, and
# interpreted a saturated stream took 2 µs of CPU more per event.
_WHOLE_STAGE = "spark.sql.codegen.wholeStage"

_PRODUCER_BATCH_BYTES = 262_144
_PRODUCER_REQUEST_BYTES = 1_048_576  # Kafka's default
# After each poll Spark asks Kafka for the partition's first and last offset: two calls that took
# the task more CPU than reading 500 records, the default (docs/decisions/2026-11-21-speed.md).
_POLL_RECORDS = 5_000


@dataclass(frozen=True, kw_only=True)
class QuerySettings:
    """How the query reads, paces and publishes; `kafka_options` name servers and security."""

    topic: str
    max_offsets_per_trigger: int
    trigger_seconds: float
    progress_interval_ms: int
    max_message_bytes: int
    kafka_options: Mapping[str, str]

    @property
    def source_options(self) -> Mapping[str, str]:
        """Options of Spark's Kafka source, whichever topics it reads."""
        return {
            **self.kafka_options,
            **COMMITTED_SOURCE,
            "kafka.max.partition.fetch.bytes": str(self.max_message_bytes),
            "kafka.max.poll.records": str(_POLL_RECORDS),
        }


def start_query(
    spark: Any,
    settings: QuerySettings,
    *,
    scoring: PassSettings,
    generation: Generation,
    kind: PassKind,
) -> Any:
    """Start the pass and return Spark's query; at-least-once, made exact by the store."""
    without_whole_stages(spark)
    source = (
        kafka_source(spark, settings, generation)
        .option("maxOffsetsPerTrigger", settings.max_offsets_per_trigger)
        .load()
        .select(*record_columns(scoring))
    )
    return (
        kafka_sink(source.mapInArrow(kind.function(scoring), OUTPUT_SCHEMA), settings, scoring)
        .option("checkpointLocation", generation.checkpoint)
        .option("asyncProgressTrackingEnabled", "true")
        .option("asyncProgressTrackingCheckpointIntervalMs", settings.progress_interval_ms)
        .queryName(f"{kind.name}-{scoring.scenario}")
        .trigger(processingTime=f"{settings.trigger_seconds} seconds")
        .start()
    )


def kafka_source(spark: Any, settings: QuerySettings, generation: Generation) -> Any:
    """The reader of the events from where `generation` begins, to be loaded."""
    return (
        spark.readStream.format("kafka")
        .options(**settings.source_options)
        .option("subscribe", settings.topic)
        .option("startingOffsets", _starting_offsets(settings.topic, generation))
        .option("failOnDataLoss", "true")
    )


def kafka_sink(messages: Any, settings: QuerySettings, scoring: PassSettings) -> Any:
    """The writer of `messages`, to be started."""
    return (
        messages.writeStream.format("kafka")
        .options(**settings.kafka_options)
        .option("kafka.max.request.size", request_bytes(scoring))
        .option("kafka.compression.type", "lz4")
        # 16 KiB, the default, hold some 15 predictions: 20 µs of JVM CPU an event, these 17 to 19.
        .option("kafka.batch.size", _PRODUCER_BATCH_BYTES)
    )


def record_columns(scoring: PassSettings) -> list[Any]:
    """The columns that a pass takes, none of them longer than it needs."""
    return bounded_columns(value_bytes=scoring.value_bytes, key_bytes=KEY_BYTES)


def request_bytes(scoring: PassSettings) -> int:
    """The largest message that the sink may send: that of a dead letter."""
    return max(_PRODUCER_REQUEST_BYTES, dead_letter_message_bytes(scoring.dead_letter_bytes))


def without_whole_stages(spark: Any) -> None:
    """Let the queries that are started from now on have no code generated for whole stages."""
    spark.conf.set(_WHOLE_STAGE, "false")  # a query keeps a copy of the session's settings


def _starting_offsets(topic: str, generation: Generation) -> str:
    return json.dumps({topic: {str(p): offset for p, offset in generation.start.items()}})
