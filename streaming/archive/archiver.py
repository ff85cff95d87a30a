"""Stores everything that passes through a scenario's topics in Delta tables, exactly once."""

import time
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from typing import Any

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from features.events.partitioners import Layout
from features.schema import EventSchema
from scenarios.contract.records.outcomes import OUTCOME_SCHEMA
from scenarios.contract.scenario import Scenario
from stores.delta.archived_control import archived_starts, keep_deployments, record_of
from stores.delta.epoch_columns import epoch_of_dead_letters, epoch_of_events, epoch_of_predictions
from stores.delta.epoch_table import keep_epochs
from stores.delta.tables import DeltaPlace
from stores.hbase.connection import Session
from stores.kafka.cluster import KafkaCluster, Survey, TopicIdentity
from stores.records.control import read_control
from stores.records.deployments import past_deployments
from stores.records.epochs import EpochRecord, EpochStart
from stores.records.losses import LossBook, uncovered
from streaming.archive.erased import ErasedRecords, without_erased_records
from streaming.archive.gaps import Span, gaps_in, spans_frame
from streaming.archive.references import (
    AttachmentArchiving,
    ReferencedRecords,
    with_stored_attachments,
)
from streaming.archive.source import (
    KINDS,
    Offsets,
    Slice,
    archived_rows,
    gap_rows,
    records_of_slice,
)
from streaming.archive.table import ArchiveTable, Position
from streaming.passes.erased import Erasures, NobodyErased
from streaming.position.epochs import EpochPlan, Traces, epoch_in_store, epoch_to_archive
from streaming.query.progress import Place

Log = Callable[[str], None]

# Whoever writes these may use transactions; the other topics are ours.
_MAY_HAVE_GAPS = ("events", "labels", "outcomes")
# Many scenarios never have these: a table costs seconds to create, to maintain and to erase from.
_WITH_FIRST_RECORD = ("outcomes", "review-decisions", "device-records")


class ArchiveGap(RuntimeError):
    """Kafka has dropped records that were never archived."""

    exit_code = 4


@dataclass(frozen=True, kw_only=True)
class ArchiveSettings:
    """How the archive reads and commits; `kafka_options` are those of Spark's Kafka source.

    most_bytes: of a key or value; the beginning of a longer one is archived
    accepts_gaps: go on where Kafka begins when it has dropped records that are not archived
    attachments: where contents of events go; None: they stay in the archived events
    """

    kafka_options: Mapping[str, str]
    starting: str
    commit_offsets: int
    compact_after_commits: int
    most_bytes: int
    accepts_gaps: bool = False
    attachments: AttachmentArchiving | None = None


@dataclass
class Archiver:
    """Archives one scenario; `catch_up` may be called for ever, and again after any fault.

    undisturbed     gives a block in which no erasure touches the tables; it may wait for one
    """

    scenario: Scenario
    tables: Mapping[str, ArchiveTable]
    kafka: KafkaCluster
    session: Session
    settings: ArchiveSettings
    spark: Any
    place: DeltaPlace
    losses: LossBook
    log: Log
    check_lease: Callable[[], None] = lambda: None
    erasures: Erasures = field(default_factory=NobodyErased)
    undisturbed: Callable[[], AbstractContextManager[object]] = nullcontext
    today: Callable[[], date] = lambda: datetime.now(UTC).date()
    _positions: dict[str, tuple[str, Position]] = field(default_factory=dict)
    _kept_epochs: tuple[EpochStart, ...] = ()
    _kept_deployment: bytes | None = None
    _epochs: dict[str, int] = field(default_factory=dict)
    _commits: dict[str, int] = field(default_factory=dict)
    _maintained: date | None = None
    _absent: set[str] = field(default_factory=set)
    _empty: set[str] = field(default_factory=set)  # made by this archiver and not appended to yet
    _made: dict[str, date] = field(default_factory=dict)

    def prepare(self) -> None:
        """Create the tables and check that archived events can still be read.

        Those of topics that many scenarios never use are created with their first record. Raises
        `ArchiveSchemaChanged`.
        """
        for kind, table in self.tables.items():
            if kind in _WITH_FIRST_RECORD and not table.exists():
                self._absent.add(kind)
            else:
                self._make(kind)

    def _make(self, kind: str) -> None:
        self._absent.discard(kind)
        if self.tables[kind].make(self._schemas.get(kind)):
            self._empty.add(kind)
            self._made[kind] = self.today()

    def catch_up(self) -> int:
        """Archive what the topics hold now and return how many records that was.

        Raises `AnotherArchiver`, `ArchiveGap`, and `EpochChanged` when the events topic was
        recreated and `advance_epoch` has not been run; then nothing is archived.
        """
        surveys = self.kafka.survey([self.scenario.topic(kind) for kind in KINDS])
        # Read after the offsets: events below them belong to no later epoch.
        record = self._epoch_record()
        if record.starts != self._kept_epochs:  # before any event of a new epoch is archived
            keep_epochs(self.spark, self.place, record.starts)
            self._kept_epochs = record.starts
        self._keep_deployments()
        total = 0
        for kind in KINDS:
            survey = surveys[self.scenario.topic(kind)]
            epoch = self._epoch(kind, survey.identity.topic_id, record)
            total += self._archive(kind, survey, epoch)
        self._maintain()
        return total

    def reached(self) -> Mapping[Place, int]:
        """(topic, partition) → offset up to which records are archived, as far as was read."""
        return {
            (self.scenario.topic(kind), partition): offset
            for kind, (_, position) in list(self._positions.items())
            for partition, offset in position.offsets.items()
        }

    def forget_positions(self) -> None:
        """Read from the tables again how far they reach; called after a fault."""
        self._positions.clear()
        self._empty.clear()

    def _epoch_record(self) -> EpochRecord:
        plan = EpochPlan(
            scenario=self.scenario.name,
            topic=self.scenario.topic("events"),
            starting=self.settings.starting,
            partitioner=self.scenario.partitioner,
        )

        def traces(identity: TopicIdentity) -> Traces:
            starts = archived_starts(self.spark, self.place)
            return Traces(
                in_store=epoch_in_store(self.session, plan.scenario, identity.partitions),
                in_archive=record_of(starts, topic=plan.topic),
            )

        return epoch_to_archive(self.kafka, self.session, plan, traces=traces)

    def _keep_deployments(self) -> None:
        """Copy every change, also those between two looks: the history has no gaps."""
        cell = read_control(self.session, self.scenario.name).deployment
        if cell is not None and cell != self._kept_deployment:
            past = past_deployments(self.session, self.scenario.name)
            keep_deployments(self.spark, self.place, past)
            self._kept_deployment = cell

    def _epoch(self, kind: str, topic_id: str, record: EpochRecord) -> Column:
        if kind == "events":
            return epoch_of_events(record.starts, topic_id)
        if kind in ("labels", "outcomes", "device-records"):
            return F.lit(self._incarnation(kind, topic_id))
        # A decision names its prediction, whose id names the epoch.
        is_of_prediction = kind in ("predictions", "review-decisions")
        return epoch_of_predictions() if is_of_prediction else epoch_of_dead_letters()

    def _archive(self, kind: str, survey: Survey, epoch: Column) -> int:
        table, topic_id, total = self.tables[kind], survey.identity.topic_id, 0
        while True:
            known_id, position = self._positions.get(kind, ("", Position({}, 0)))
            if known_id != topic_id:
                is_new = self._holds_nothing(kind)
                position = Position({}, 0) if is_new else table.position(topic_id)
            begin = self._begin(survey, position)
            end = self._end(survey, begin)
            archive_slice = Slice(
                topic=survey.identity.name,
                topic_id=topic_id,
                begin=begin,
                end=end,
                epoch=epoch,
                batch=position.batch + 1,
            )
            if archive_slice.records == 0:
                self._positions[kind] = (topic_id, Position(begin, position.batch))
                return total
            if kind in self._absent:
                self._make(kind)
            total += self._commit(kind, table, archive_slice)
            self._empty.discard(kind)
            self._positions[kind] = (topic_id, Position(end, archive_slice.batch))

    def _holds_nothing(self, kind: str) -> bool:
        """Whether there is nothing to read of the table yet, as far as this archiver knows."""
        return kind in self._absent or kind in self._empty

    def _commit(self, kind: str, table: ArchiveTable, archive_slice: Slice) -> int:
        self.check_lease()
        with self.undisturbed():
            return self._append(kind, table, archive_slice)

    def _append(self, kind: str, table: ArchiveTable, archive_slice: Slice) -> int:
        began = time.monotonic()
        records = records_of_slice(self.spark, self.settings.kafka_options, archive_slice)
        rows = archived_rows(records, archive_slice, most_bytes=self.settings.most_bytes)
        schema = self._schemas.get(kind, self.scenario.schema)
        ids = (schema.entity_field, "entity")
        rows = without_erased_records(rows, ErasedRecords(kind, self.erasures.current(), ids))
        rows = self._with_stored_attachments(kind, rows, partitions=len(archive_slice.begin))
        gaps: list[Span] = []
        if kind in _MAY_HAVE_GAPS:
            gaps = gaps_in(records, archive_slice.begin, archive_slice.end)
        if gaps:
            spans = spans_frame(self.spark, gaps)
            rows = rows.unionByName(gap_rows(spans, archive_slice))
        if archive_slice.records < 50_000:  # one small file instead of one per partition
            rows = rows.coalesce(1)
        written = table.append(rows, archive_slice) - len(gaps)
        seconds = time.monotonic() - began
        empty = sum(gap.offsets for gap in gaps)
        self.log(
            f"{kind}: {written:,} records archived in {seconds:.1f} s "
            f"({written / seconds:,.0f}/s), up to {dict(archive_slice.end)}"
            + (f", {empty:,} offsets hold no committed record" if empty else "")
        )
        self._commits[kind] = self._commits.get(kind, 0) + 1
        if self._commits[kind] % self.settings.compact_after_commits == 0:
            table.merge_small_files(self.today())
            self.log(f"{kind}: small files merged")
        return written

    def _with_stored_attachments(self, kind: str, rows: DataFrame, *, partitions: int) -> DataFrame:
        scenario, archiving = self.scenario, self.settings.attachments
        if kind != "events" or archiving is None or not scenario.schema.attachments:
            return rows
        layout = Layout(partitioner=scenario.partitioner, partitions=partitions)
        task = ReferencedRecords(scenario.name, scenario.schema, archiving, layout)
        return with_stored_attachments(rows, task)

    def _maintain(self) -> None:
        """Once a day, after midnight UTC: merge closed days, remove files that nobody needs."""
        today = self.today()
        if self._maintained == today:
            return
        for kind, table in self.tables.items():
            if kind in self._absent or self._made.get(kind) == today:
                continue
            began = time.monotonic()
            with self.undisturbed():
                done = table.maintain(today)
            if done is not None:
                days = ", ".join(map(str, done.merged_days)) or "none"
                self.log(
                    f"{kind}: unneeded files removed in {time.monotonic() - began:.1f} s; closed "
                    f"days whose files were merged: {days}"
                )
        self._maintained = today

    def _begin(self, survey: Survey, position: Position) -> Offsets:
        """Where to go on; raises `ArchiveGap` when Kafka no longer holds that."""
        begin = {
            partition: max(position.offsets.get(partition, 0), first)
            for partition, (first, _) in survey.offsets.items()
        }
        gaps = {
            partition: (position.offsets.get(partition, 0), at)
            for partition, at in begin.items()
            if position.offsets.get(partition, 0) < at
        }
        if gaps:
            self._pass_over(survey.identity, gaps)
        return begin

    def _pass_over(self, topic: TopicIdentity, gaps: Mapping[int, tuple[int, int]]) -> None:
        """Record accepted gaps, partition → [first, end); raises `ArchiveGap` for others."""
        recorded = [
            loss
            for loss in self.losses.all()
            if (loss.topic_id, loss.missing_in) == (topic.topic_id, "archive")
        ]
        new = [
            (partition, *part)
            for partition, (first, end) in sorted(gaps.items())
            for part in uncovered(recorded, partition=partition, first=first, end=end)
        ]
        if new and not self.settings.accepts_gaps:
            parts = [
                f"{topic.name}-{partition}: offsets {first:,} to {end - 1:,}"
                for partition, first, end in new
            ]
            raise ArchiveGap(
                f"{'; '.join(parts)} are not archived and Kafka no longer holds them: raise the "
                "topic's retention; to go on without them, run archive_stream --accept-gaps "
                "(rebuilds and audits will miss these events; the gap is recorded)"
            )
        accepted = self.losses.accept(
            new, topic=topic.name, topic_id=topic.topic_id, missing_in="archive"
        )
        for loss in accepted:
            self.log(f"{loss.sentence}: going on without them")

    def _end(self, survey: Survey, begin: Offsets) -> Offsets:
        share = max(1, self.settings.commit_offsets // len(begin))
        return {p: min(end, begin[p] + share) for p, (_, end) in survey.offsets.items()}

    @property
    def _schemas(self) -> Mapping[str, EventSchema]:
        """Kind → schema of what others publish on its topic."""
        return {
            "events": self.scenario.schema,
            "labels": self.scenario.label.schema,
            "outcomes": OUTCOME_SCHEMA,
        }

    def _incarnation(self, kind: str, topic_id: str) -> int:
        if topic_id not in self._epochs:
            is_new = self._holds_nothing(kind)
            topic_ids = [] if is_new else self.tables[kind].incarnations()
            self._epochs[topic_id] = (
                topic_ids.index(topic_id) if topic_id in topic_ids else len(topic_ids)
            ) + 1
        return self._epochs[topic_id]
