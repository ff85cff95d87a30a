"""The one pass: decode → read state → fold → judge → write rows, per Arrow batch.

Everything written depends on the events, the states below the batch and the model version only,
and lands in HBase at the stamp of the batch's last offset; so a batch that is run again, by a
retried task, a restarted driver or an older one that still runs, writes the same cells. Where a
scenario reads second entities, a batch that is run again may read newer states of them; where its
events refer to attachments, it may find one that was stored since.
"""

import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from features.byte_column import ByteColumn
from features.events.chosen_rows import chosen_bytes, chosen_rows
from features.events.decode import Events
from features.events.reasons import UNSCORABLE, Refusal
from features.fold.fold import Entities, Folded
from features.fold.state import States
from scenarios.contract.experiment import SHADOW, shadowed
from scenarios.contract.judge import Judge, Judges, Verdicts
from scenarios.contract.scenario import Scenario
from stores.hbase.attachments import AttachmentPlace, AttachmentTable
from stores.hbase.predictions import utc
from stores.hbase.stamps import stamp
from stores.hbase.states import Marker
from streaming.messages.dead_letters import add_dead_letters
from streaming.messages.documents import (
    Positions,
    Suppressed,
    log_basis,
    suppressed_because,
    suppressed_document,
)
from streaming.messages.review import review_messages
from streaming.messages.writer import MessageWriter
from streaming.passes.attached import stored_attachments
from streaming.passes.batches import Batch
from streaming.passes.erased import Erasures, NobodyErased, TableWithoutErased
from streaming.passes.folding import BatchFold
from streaming.passes.homes import HomeRule
from streaming.passes.output import Output
from streaming.passes.settings import PassSettings
from streaming.passes.states_below import Part
from streaming.passes.table import PassTable
from streaming.position.gaps import GapCheck, never_empty
from streaming.scoring.models_in_use import InUse, ModelsInUse
from streaming.scoring.second_entities import SecondEntityReader, case_features


@dataclass
class _Work:
    """One batch on its way through the pass: what came in, and what is written about it."""

    batch: Batch
    events: Events
    entities: Entities
    folded: Folded
    use: InUse
    features: npt.NDArray[np.float64]
    unknown: int
    output: Output
    rows: ByteColumn | None = None
    suppressed: int = 0
    unscorable: list[Refusal] = field(default_factory=list)
    fallbacks: int = 0
    shadow_scored: int = 0
    shadow_failures: int = 0

    def positions(self, topic: str, epoch: int, event_rows: npt.NDArray[np.int64]) -> Positions:
        """Positions and times of the events `event_rows`."""
        rows = chosen_rows(self.events.rows, event_rows)
        return Positions(
            topic=topic,
            partition=self.batch.partition,
            epoch=epoch,
            offsets=chosen_rows(self.batch.records.offsets, rows),
            arrived_ms=chosen_rows(self.batch.records.timestamps_ms, rows),
            event_ms=chosen_rows(self.events.times_ms, event_rows),
            as_of_ms=chosen_rows(self.folded.as_of_ms, event_rows),
        )


class ScoringPass:
    """The pass of one scenario over one store; `process` is called per Arrow batch."""

    def __init__(
        self,
        settings: PassSettings,
        scenario: Scenario,
        table: PassTable,
        models: ModelsInUse,
        second: SecondEntityReader,
        are_empty: GapCheck = never_empty,
        homes: HomeRule | None = None,
        erasures: Erasures | None = None,
        attachments: AttachmentPlace | None = None,
    ) -> None:
        """attachments: where those of the events are; for scenarios that have some."""
        self._settings = settings
        self._scenario = scenario
        erasures = erasures or NobodyErased()
        self._table = TableWithoutErased(table, erasures, scenario.codec)
        self._attachments = None if attachments is None else attachments.table()
        self._fold = BatchFold(
            settings,
            scenario,
            self._table,
            are_empty=are_empty,
            homes=homes,
            erasures=erasures,
            attachments=None if attachments is None else attachments.source(),
        )
        self._models = models
        self._second = second
        self._judge = Judge(scenario, time.perf_counter)
        self._writer = MessageWriter(scenario)
        self._policy_version = scenario.policy.version

    def prepare(self) -> None:
        """Load the model and open the connection before the first event needs them."""
        self._models.current()

    def process(self, batch: Batch) -> pa.Table:
        """Score `batch`, write its rows, and return the messages for the Kafka sink.

        Raises a `Refused` when going on would misread something, `StoreDown` when HBase stays
        away; in both cases the batch is run again.
        """
        return pa.concat_tables(self.tables(batch))

    def tables(self, batch: Batch) -> Iterator[pa.Table]:
        """The same part by part (`streaming.passes.states_below.parts_of`): a part's rows are
        written when its messages come.
        """
        use = self._models.current()
        for part, folded in self._fold.parts(batch):
            yield self._scored(part, folded, use)

    def _scored(self, part: Part, folded: Folded, use: InUse) -> pa.Table:
        batch, events, entities, states = part.batch, part.events, part.entities, part.states
        cases = case_features(folded, events, self._second)
        features, unknown = cases.features, cases.unknown
        work = _Work(batch, events, entities, folded, use, features, unknown, Output())
        is_scored = self._judge.can_score(features)
        self._add_predictions(work, np.flatnonzero(is_scored))
        self._add_suppressed(work, np.flatnonzero(~is_scored))
        self._add_dead_letters(work)
        self._write(work, states)
        return work.output.table()

    def _add_predictions(self, work: _Work, event_rows: npt.NDArray[np.int64]) -> None:
        features, ids = chosen_rows(work.features, event_rows), work.events.entities
        if len(event_rows) < len(ids):
            ids = [ids[row] for row in event_rows.tolist()]
        judges = work.use.judges
        is_shadowed = self._shadowed(work, event_rows, judges)
        verdicts = self._judge.verdicts(ids, features, judges, is_shadowed=is_shadowed)
        if verdicts.efforts:
            self._note_efforts(work, verdicts)
        self._note_unscorable(work, event_rows, verdicts)
        event_rows = chosen_rows(event_rows, verdicts.rows)
        features = chosen_rows(features, verdicts.rows)
        positions = work.positions(self._events_topic, self._settings.epoch, event_rows)
        entity_rows = chosen_rows(work.entities.rows, event_rows)
        thresholds = work.use.deployment.thresholds
        basis = log_basis(self._scenario.definitions_digest, self._policy_version, thresholds)
        messages = self._writer.messages(
            work.entities.ids,
            entity_rows,
            verdicts,
            features,
            positions,
            work.use,
            basis,
            _references(work.events, event_rows),
        )
        keys = ByteColumn.of(work.batch.records.keys)
        keys = chosen_bytes(keys, chosen_rows(work.events.rows, event_rows))
        work.output.add_many(self._scenario.topic("predictions"), keys, messages.values)
        review, cases = review_messages(
            self._scenario, messages, verdicts, features, positions, judges
        )
        work.output.add_many(self._scenario.topic("review"), keys.take(review), cases)
        work.rows = messages.last_rows(entity_rows, len(work.entities.ids))

    def _shadowed(
        self, work: _Work, event_rows: npt.NDArray[np.int64], judges: Judges
    ) -> npt.NDArray[np.bool_] | None:
        """Which of the events `event_rows` the shadow scores; None without one."""
        if judges.shadow is None or not judges.experiment:
            return None
        rows = chosen_rows(work.events.rows, event_rows)
        return shadowed(
            chosen_rows(work.batch.records.offsets, rows),
            epoch=self._settings.epoch,
            partition=work.batch.partition,
            experiment=judges.experiment,
            share=judges.shadow_share,
        )

    def _note_efforts(self, work: _Work, verdicts: Verdicts) -> None:
        """What challenger and shadow took and failed; beyond its bounds one is withdrawn."""
        for effort in verdicts.efforts:
            if effort.role == SHADOW:
                work.shadow_scored, work.shadow_failures = effort.rows, effort.failed
        self._models.note(verdicts.efforts)

    def _note_unscorable(
        self, work: _Work, event_rows: npt.NDArray[np.int64], verdicts: Verdicts
    ) -> None:
        """Events without a verdict become dead letters; their states are written all the same."""
        for case in verdicts.unscorable:
            row = int(work.events.rows[event_rows[case.row]])
            work.unscorable.append(Refusal(row, UNSCORABLE, case.cause))
        work.fallbacks = len(verdicts.fallbacks)
        warnings = [
            f"{len(cases):,} of {len(event_rows):,} events {what}; the first: {cases[0].cause}"
            for cases, what in (
                (verdicts.unscorable, "are dead letters (unscorable)"),
                (verdicts.fallbacks, "were judged by the champion in the challenger's place"),
            )
            if cases
        ]
        if warnings:
            where = f"{self._events_topic}-{work.batch.partition}"
            offsets = f"offsets {work.batch.first} to {work.batch.last}"
            print(f"{where}, {offsets}: {'; '.join(warnings)}", file=sys.stderr, flush=True)

    def _add_suppressed(self, work: _Work, event_rows: npt.NDArray[np.int64]) -> None:
        positions = work.positions(self._events_topic, self._settings.epoch, event_rows)
        topic = self._scenario.topic("predictions")
        work.suppressed = len(event_rows)
        for position, row in enumerate(event_rows.tolist()):
            document = Suppressed(
                suppressed=suppressed_because(self._scenario.required_feature),
                entity=work.events.entities[row],
                epoch=self._settings.epoch,
                event_time=utc(int(positions.event_ms[position])),
                source=positions.source(position),
            )
            work.output.add(topic, document.entity.encode(), suppressed_document(document))

    def _add_dead_letters(self, work: _Work) -> None:
        add_dead_letters(
            work.output,
            work.batch,
            sorted([*work.events.refusals, *work.unscorable], key=lambda refusal: refusal.row),
            topic=self._scenario.topic("dead-letter"),
            source_topic=self._events_topic,
            epoch=self._settings.epoch,
            most_bytes=self._settings.dead_letter_bytes,
        )

    def _write(self, work: _Work, states: States) -> None:
        """Attachments first, then rows, the marker after them: it proves that all are stored."""
        if self._attachments is not None and work.events.attached:
            self._put_attachments(self._attachments, work)
        position = stamp(self._settings.epoch, work.batch.last)
        cells = self._scenario.codec.encode(states)
        rows = work.rows if work.rows is not None else [None] * len(cells)
        self._table.write(work.entities.ids, cells, rows, position=position)
        marker = Marker(
            partition=work.batch.partition,
            epoch=self._settings.epoch,
            offset=work.batch.last,
            predictions=len(work.events.rows) - work.suppressed - len(work.unscorable),
            suppressed=work.suppressed,
            dead_letters=len(work.events.refusals) + len(work.unscorable),
            model_version=work.use.champion.version,
            load_failure=self._models.failure,
            unscorable=len(work.unscorable),
            unscorable_cause=work.unscorable[0].sentence if work.unscorable else "",
            challenger_fallbacks=work.fallbacks,
            shadow_scored=work.shadow_scored,
            shadow_failures=work.shadow_failures,
            unknown_second_entities=work.unknown,
            dropped_from_windows=work.folded.dropped,
            published_upto=work.batch.published_upto,
            generation=self._settings.generation,
            written_at_ms=time.time_ns() // 1_000_000,
        )
        self._table.write_marker(marker, position=position)

    def _put_attachments(self, table: AttachmentTable, work: _Work) -> None:
        attachments = stored_attachments(
            work.events,
            work.batch.records,
            partition=work.batch.partition,
            epoch=self._settings.epoch,
        )
        table.put(self._scenario.name, attachments)

    @property
    def _events_topic(self) -> str:
        return self._scenario.topic("events")


def _references(events: Events, event_rows: npt.NDArray[np.int64]) -> Sequence[Mapping[str, str]]:
    """Field → reference of what is attached to the events `event_rows`; empty without any."""
    if not events.attached:
        return ()
    by_row: dict[int, dict[str, str]] = {}
    for attached in events.attached:
        references = by_row.setdefault(attached.row, {})
        references[attached.field] = attached.reading.content.reference
    return [by_row.get(row, {}) for row in events.rows[event_rows].tolist()]
