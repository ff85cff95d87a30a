"""The re-keying query: the scenario's topics in, the second entity's topic out."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from pyspark.sql import functions as F

from features.bounded_columns import bounded_columns
from scenarios.keyed import KeyedEntity
from stores.hadoop_files import HadoopFiles
from streaming.dead_letters import KEY_BYTES
from streaming.feature_worker import rekey_batches
from streaming.query import QuerySettings, without_whole_stages
from streaming.rekey_checkpoints import RekeyCheckpoints, RekeyGeneration
from streaming.rekey_pass import RekeySettings
from streaming.rekeying import MESSAGE_SCHEMA
from streaming.topics import KafkaCluster

Log = Callable[[str], None]


class SourceChanged(RuntimeError):
    """A source topic was recreated: the query is started again, and reads it from its beginning."""

    exit_code = 1


@dataclass(frozen=True)
class RunningRekeying:
    """The started query; `check` notices a source topic that was recreated."""

    query: Any
    kafka: KafkaCluster
    generation: RekeyGeneration

    @property
    def queries(self) -> Sequence[Any]:
        """The query alone."""
        return (self.query,)

    def check(self) -> None:
        """Raises `SourceChanged`, `TopicMissing` or `KafkaDown`."""
        for topic, now in self.kafka.identities(list(self.generation.sources)).items():
            if now.topic_id != self.generation.sources[topic].topic_id:
                raise SourceChanged(f"topic {topic} was recreated: reading it from its beginning")

    def stop(self) -> None:
        """Stop the query."""
        self.query.stop()


@dataclass
class RekeyStarter:
    """Starts re-keying where it has to go on; called again after every fault."""

    spark: Any
    kafka: KafkaCluster
    settings: QuerySettings
    rekeying: RekeySettings
    keyed: KeyedEntity
    checkpoint_root: str
    log: Log

    def __call__(self) -> RunningRekeying:
        """Find the place and start; raises `TopicMissing` or `KafkaDown`."""
        checkpoints = rekey_checkpoints(self.spark, self.checkpoint_root, self.keyed)
        generation = checkpoints.to_run(self.kafka.survey(self.keyed.source_topics))
        query = self._query(generation)
        resumed = {
            topic: dict(checkpoints.resumes_at(generation, topic)) for topic in generation.sources
        }
        self.log(f"re-keying for {self.keyed.name}, generation {generation.number}, from {resumed}")
        return RunningRekeying(query, self.kafka, generation)

    def _query(self, generation: RekeyGeneration) -> Any:
        settings, topics = self.settings, ",".join(generation.sources)
        rekeying = replace(self.rekeying, generation=generation.number)
        without_whole_stages(self.spark)
        columns = bounded_columns(value_bytes=rekeying.max_event_bytes + 1, key_bytes=KEY_BYTES)
        source = (
            self.spark.readStream.format("kafka")
            .options(**settings.source_options)
            .option("subscribe", topics)
            .option("startingOffsets", generation.starting_offsets)
            .option("maxOffsetsPerTrigger", settings.max_offsets_per_trigger)
            .option("failOnDataLoss", "true")
            .load()
            .select(F.col("topic"), *columns)
        )
        return (
            source.mapInArrow(partial(rekey_batches, settings=rekeying), MESSAGE_SCHEMA)
            .writeStream.format("kafka")
            .options(**settings.kafka_options)
            .option("kafka.max.request.size", settings.max_message_bytes)
            .option("kafka.compression.type", "lz4")
            .option("checkpointLocation", generation.checkpoint)
            .option("asyncProgressTrackingEnabled", "true")
            .option("asyncProgressTrackingCheckpointIntervalMs", settings.progress_interval_ms)
            .queryName(f"re-keying-{self.keyed.name}")
            .trigger(processingTime=f"{settings.trigger_seconds} seconds")
            .start()
        )


def rekey_checkpoints(spark: Any, root: str, keyed: KeyedEntity) -> RekeyCheckpoints:
    """Where the generations of the re-keying for `keyed` are."""
    return RekeyCheckpoints(HadoopFiles(spark), root, f"{keyed.name}.rekeying")
