"""The re-keying query: the scenario's topics in, the second entity's topic out."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from pyspark.sql import functions as F

from features.events.bounded_columns import bounded_columns
from scenarios.contract.keyed import KeyedEntity
from stores.delta.files import HadoopFiles
from stores.hbase.connection import Session
from stores.kafka.cluster import KafkaCluster, TopicIdentity
from stores.records.epochs import EpochStart, read_epoch
from streaming.messages.dead_letters import KEY_BYTES
from streaming.position.retention import Losses
from streaming.query.progress import Place, positions
from streaming.query.query import QuerySettings, without_whole_stages
from streaming.second_entity.rekey import MESSAGE_SCHEMA
from streaming.second_entity.rekey_checkpoints import RekeyCheckpoints, RekeyGeneration
from streaming.second_entity.rekey_pass import RekeySettings
from streaming.second_entity.source_homes import source_epochs
from streaming.second_entity.worker import rekey_batches

Log = Callable[[str], None]


class SourceChanged(RuntimeError):
    """A source topic was recreated: the query is started again, and reads it from its beginning."""

    exit_code = 1


Epochs = Mapping[str, Sequence[EpochStart]]


@dataclass(frozen=True)
class SourceEpochs:
    """The epochs of the scenario's events, over a session."""

    session: Session
    keyed: KeyedEntity

    def read(self, identities: Mapping[str, TopicIdentity]) -> Epochs:
        """Events topic → its epochs; nothing where no events are re-keyed. Raises `StoreDown`."""
        scenario = self.keyed.scenario
        topic = scenario.topic("events")
        if topic not in identities:
            return {}
        record = read_epoch(self.session, scenario.name)
        partitioner = scenario.partitioner
        return {topic: source_epochs(record, identities[topic], partitioner=partitioner)}


@dataclass(frozen=True)
class RunningRekeying:
    """The started query; `check` notices a source topic or an epoch of it that changed."""

    query: Any
    kafka: KafkaCluster
    generation: RekeyGeneration
    epochs: SourceEpochs
    epochs_at_start: Epochs
    resumed: Mapping[Place, int]

    @property
    def queries(self) -> Sequence[Any]:
        """The query alone."""
        return (self.query,)

    def reached(self) -> Mapping[Place, int]:
        """(topic, partition) → offset up to which batches are finished."""
        return {**self.resumed, **positions(self.query)}

    def check(self) -> None:
        """Raises `SourceChanged`, `TopicMissing` or `KafkaDown`."""
        identities = self.kafka.identities(list(self.generation.sources))
        for topic, now in identities.items():
            if now.topic_id != self.generation.sources[topic].topic_id:
                raise SourceChanged(f"topic {topic} was recreated: reading it from its beginning")
        if self.epochs.read(identities) != self.epochs_at_start:
            raise SourceChanged("the scenario began an epoch: its keys may have moved")

    def stop(self) -> None:
        """Stop the query."""
        self.epochs.session.close()
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
    losses: Losses

    def __call__(self) -> RunningRekeying:
        """Find the place and start; raises `TopicMissing`, `KafkaDown` or `LostToRetention`."""
        checkpoints = rekey_checkpoints(self.spark, self.checkpoint_root, self.keyed, log=self.log)
        surveys = self.kafka.survey(self.keyed.source_topics)
        generation = checkpoints.to_run(surveys)
        if lost := checkpoints.lost(generation, surveys):
            for topic, ranges in lost.items():
                topic_id = surveys[topic].identity.topic_id
                self.losses.pass_over(ranges, topic=topic, topic_id=topic_id, epoch=0)
            generation = checkpoints.begin_behind(surveys)
        session = Session(self.rekeying.store, retry_seconds=self.kafka.timeout_seconds)
        epochs = SourceEpochs(session, self.keyed)
        now = epochs.read({topic: survey.identity for topic, survey in surveys.items()})
        query = self._query(generation, now)
        self.losses.accepts = False  # for this start, not after every fault
        saved = checkpoints.saved()
        resumed = {topic: dict(at) for topic, at in saved.resumes.items()} if saved else {}
        self.log(f"re-keying for {self.keyed.name}, generation {generation.number}, from {resumed}")
        at = {(topic, p): offset for topic, ends in resumed.items() for p, offset in ends.items()}
        return RunningRekeying(query, self.kafka, generation, epochs, now, at)

    def _query(self, generation: RekeyGeneration, epochs: Epochs) -> Any:
        settings, topics = self.settings, ",".join(generation.sources)
        rekeying = replace(self.rekeying, generation=generation.number, epochs=epochs)
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


def rekey_checkpoints(spark: Any, root: str, keyed: KeyedEntity, *, log: Log) -> RekeyCheckpoints:
    """Where the generations of the re-keying for `keyed` are."""
    return RekeyCheckpoints(HadoopFiles(spark), root, f"{keyed.name}.rekeying", log)
