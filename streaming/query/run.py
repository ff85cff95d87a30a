"""One running query with its heartbeat and its checks, ready for the supervisor."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Protocol

from features.events.partitioners import CUSTOM
from stores.delta.archived_control import archived_starts, is_anything_scored, record_of
from stores.delta.files import HadoopFiles
from stores.delta.tables import DeltaPlace
from stores.hbase.connection import Session
from stores.hbase.stamps import FIRST_EPOCH
from stores.hbase.states import StateTable
from stores.kafka.cluster import KafkaCluster, TopicIdentity
from stores.records.epochs import EpochRecord
from streaming.passes.kind import PassKind
from streaming.passes.settings import PassSettings
from streaming.position.checkpoints import Checkpoints, Generation, Offsets
from streaming.position.epochs import (
    EpochPlan,
    Traces,
    check_identity,
    check_partitioner_of,
    epoch_for_start,
    epoch_in_store,
)
from streaming.position.gaps import Gaps
from streaming.position.remedies import remedy
from streaming.position.resume import generation_to_run, with_all_markers
from streaming.position.retention import Losses
from streaming.query.heartbeat import Heartbeat, begin_workers, warm_workers
from streaming.query.progress import Place, positions
from streaming.query.query import QuerySettings, start_query
from streaming.query.recent_keys import partitioner_warning
from streaming.query.spark_jvm import check_jvm
from streaming.real_time.bridge import begin_workers as begin_bridge_workers
from streaming.real_time.query import RealTimeSettings, start_real_time_query
from streaming.real_time.real_time_query import RealTimeQuery
from streaming.real_time.slots import SlotWatch

Log = Callable[[str], None]
_ADVANCE = "advance_epoch"
# Whoever waits for a stream to be ready waits longer for one that never is.
_READY_SECONDS = 60.0


@dataclass(frozen=True)
class RunningQuery:
    """A started query; `check` compares the topic with the epoch it was started in."""

    query: Any
    heartbeat: Heartbeat | None
    checks: Callable[[], None]
    resumed: Mapping[Place, int]

    @property
    def queries(self) -> Sequence[Any]:
        """The query alone."""
        return (self.query,)

    def reached(self) -> Mapping[Place, int]:
        """(topic, partition) → offset up to which batches are finished."""
        return {**self.resumed, **positions(self.query)}

    def check(self) -> None:
        """Raises `EpochChanged` when the topic is no longer the same."""
        self.checks()

    def stop(self) -> None:
        """Stop heartbeat and query."""
        if self.heartbeat is not None:
            self.heartbeat.stop()
        self.query.stop()


class Clock(Protocol):
    """Notes the steps of a job's start."""

    def note(self, step: str) -> None:
        """`step` has just ended."""

    def sentence(self) -> str:
        """All steps with their seconds."""


@dataclass
class QueryStarter:
    """Starts the query where it has to go on; called again after every fault.

    check_lease   raises when another process has taken this stream over
    place         the archive, where the stream has one
    real_time     how the query runs in real-time mode; None: in micro-batches
    clock         of the job's start, which is logged once
    """

    spark: Any
    kafka: KafkaCluster
    settings: QuerySettings
    scoring: PassSettings
    kind: PassKind
    checkpoint_root: str
    heartbeat_seconds: float
    log: Log
    partitioner: str
    losses: Losses
    starting: str = "earliest"
    replay_from: Offsets | None = None
    check_lease: Callable[[], None] = lambda: None
    place: DeltaPlace | None = None
    real_time: RealTimeSettings | None = None
    clock: Clock | None = None
    _keys_looked_at: bool = False

    def __call__(self) -> RunningQuery:
        """Check the epoch, find the place, warm the workers, start; raises `SparkGone`."""
        check_jvm(self.spark)
        self.check_lease()
        self._begin_workers()
        scenario = self.scoring.scenario
        session = Session(self.scoring.store, retry_seconds=self.kafka.timeout_seconds)
        gaps = Gaps(self.kafka, self.settings.topic)
        try:
            record = self._epoch(session)
            check_partitioner_of(record, self.partitioner, scenario=scenario)
            self._look_at_keys(record)
            root, files = self.checkpoint_root, HadoopFiles(self.spark)
            checkpoints = Checkpoints(files, root, scenario, record.epoch)
            record = with_all_markers(session, record, checkpoints, log=self.log)
            scoring = replace(
                self.scoring,
                epoch=record.epoch,
                first_offsets=dict(record.first_offsets),
                partitioner=record.partitioner or CUSTOM,
                regions=record.regions,
            )
            generation = generation_to_run(
                checkpoints,
                StateTable(session, scenario, record.regions or ()),
                record,
                held=self.kafka.offsets(record.topic),
                losses=self.losses,
                replay_from=self.replay_from,
                log=self.log,
                are_empty=gaps.are_empty,
                is_real_time=self.real_time is not None,
            )
        finally:
            gaps.close()
            session.close()
        resumed = {**generation.start, **checkpoints.place(record.topic).offsets}
        self._note("position")
        scoring = replace(scoring, generation=generation.number)
        query, heartbeat = self._started(record, scoring, generation)
        self.replay_from, self.losses.accepts = None, False  # for this start, not after every fault
        self.log(
            f"{self.kind.name} {self.settings.topic} in epoch {record.epoch}, generation "
            f"{generation.number}, from {dict(resumed)}"
        )
        if self.clock is not None:
            self.log(f"started in {self.clock.sentence()}")
            self.clock = None  # what it measures is the job's start

        slots = SlotWatch(self.spark, self.log) if self.real_time is not None else None

        def check() -> None:
            self.check_lease()
            if slots is not None:
                slots.check()
            check_identity(record, self.kafka.identity(self.settings.topic), scenario=scenario)

        at = {(record.topic, partition): offset for partition, offset in resumed.items()}
        return RunningQuery(query, heartbeat, check, at)

    def _started(
        self, record: EpochRecord, scoring: PassSettings, generation: Generation
    ) -> tuple[Any, Heartbeat | None]:
        """The query, and what keeps its workers warm: those of real-time mode are never idle."""
        spark, settings, kind = self.spark, self.settings, self.kind
        if self.real_time is not None:
            query = start_real_time_query(
                spark, settings, self.real_time, scoring=scoring, generation=generation, kind=kind
            )
            running = RealTimeQuery(spark, query, scoring.store, scoring.scenario, record)
            self._note("query")
            if self.real_time.is_in_this_jvm:
                running.wait_until_ready(seconds=_READY_SECONDS)
            self._note("workers")
            return running, None
        warm_workers(spark, scoring, kind)
        self._note("workers")
        query = start_query(spark, settings, scoring=scoring, generation=generation, kind=kind)
        heartbeat = Heartbeat(spark, query, scoring, self.heartbeat_seconds, kind)
        heartbeat.start()
        self._note("query")
        return query, heartbeat

    def _begin_workers(self) -> None:
        """At the job's start; between restarts what forks the workers lives on."""
        if self.clock is None:
            return
        if self.real_time is None:
            begin_workers(self.spark)
        elif self.real_time.is_in_this_jvm:
            begin_bridge_workers(self.spark)

    def _note(self, step: str) -> None:
        if self.clock is not None:
            self.clock.note(step)

    def _epoch(self, session: Session) -> EpochRecord:
        plan = EpochPlan(
            scenario=self.scoring.scenario,
            topic=self.settings.topic,
            starting=self.starting,
            partitioner=self.partitioner,
        )
        files = HadoopFiles(self.spark)

        def traces(identity: TopicIdentity) -> Traces:
            checkpoints = Checkpoints(files, self.checkpoint_root, plan.scenario, FIRST_EPOCH)
            without_archive = Traces(
                in_store=epoch_in_store(session, plan.scenario, identity.partitions),
                in_checkpoints=checkpoints.newest_epoch(),
            )
            if self.place is None or without_archive.newest:
                return without_archive
            archived = record_of(archived_starts(self.spark, self.place), topic=plan.topic)
            if archived is None:
                return without_archive
            is_scored = is_anything_scored(self.spark, self.place, archived)
            return replace(without_archive, in_archive=archived, is_scored=is_scored)

        return epoch_for_start(self.kafka, session, plan, traces=traces, log=self.log)

    def _look_at_keys(self, record: EpochRecord) -> None:
        """Log once, at the first start, when keys lie outside their homes."""
        if self._keys_looked_at:
            return
        declared = record.partitioner or CUSTOM
        warning = partitioner_warning(self.kafka, self.settings.topic, declared)
        self._keys_looked_at = True
        if warning:
            self.log(f"warning: {warning}")
        if record.partitioner is None:
            self.log(
                f"epoch {record.epoch} began before its partitioner was recorded: the first "
                f"partition seen of a key counts until {remedy(self.scoring.scenario, _ADVANCE)}"
            )
