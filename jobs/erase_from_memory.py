"""Erase customers everywhere: archive, snapshots, runs, lists, reports, HBase; files included."""

import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated

import msgspec
from typer import Option, confirm

from batch.privacy.cells import is_erased
from batch.privacy.erasing import Cut, ErasureNote
from batch.privacy.sought import Sought
from jobs.launcher.run import Run, job_run
from jobs.options.shared import EnvOption, ScenarioOption, SetOption, VerboseOption, job_app
from jobs.spark.session import spark_session
from jobs.wiring.erasure_places import Place, Places, Remainder, counted
from jobs.wiring.from_settings import delta_place
from jobs.wiring.streaming import kafka_cluster, store_session
from jobs.wiring.table_turns import ALL, turn
from stores.delta.files import HadoopFiles
from stores.hbase.stamps import FIRST_EPOCH
from stores.records.epochs import read_epoch
from stores.records.erasures import (
    FOLDER,
    ErasedEntities,
    Erasure,
    ErasureTable,
    new_erasure,
    read_files,
    restore,
    write_file,
)
from streaming.archive.source import KINDS
from streaming.position.epochs import check_identity

SPARK = True
_ROUNDS = 3


class NotErased(RuntimeError):
    """Something that names the entities was found again after the erasure."""

    exit_code = 4


def main(
    scenario: ScenarioOption,
    entity: Annotated[list[str], Option("--entity", help="The id; may be repeated.")],
    reason: Annotated[str, Option(help="Why; it stays in the tables' history.")],
    env: EnvOption = "local",
    overrides: SetOption = None,
    verbose: VerboseOption = False,
    dry_run: Annotated[bool, Option("--dry-run", help="Count, erase nothing.")] = False,
    yes: Annotated[bool, Option("--yes", help="Do not ask.")] = False,
) -> None:
    """Stream and archiver may run on: they leave out what came before the erasure, and an archiver
    pauses meanwhile. What comes back as a new customer, dated later, counts again. Places that only
    another command can empty, such as Kafka's topics, are printed with that command.
    """
    with job_run(
        scenario=scenario, env=env, overrides=overrides, verbose=verbose, needs=("kafka", "hbase")
    ) as run:
        fields = {run.scenario.schema.entity_field, run.scenario.label.schema.entity_field}
        sought = Sought(tuple(dict.fromkeys(entity)), tuple(sorted({*fields, "entity"})))
        with spark_session(run.settings, app_name=f"erase {scenario}", with_delta=True) as spark:
            places = Places(run, spark, sought)
            contents = places.contents()
            _show(run, contents)
            run.console.print("older versions of these tables can no longer be read afterwards")
            if dry_run:
                for remainder in places.remainders():
                    _show_remainder(run, remainder)
                return
            if not (yes or confirm(f"Erase {len(entity)} entities for good?")):
                return
            remainders = ErasureSteps(run, places, HadoopFiles(spark)).erase(reason)
        for remainder in remainders:
            _show_remainder(run, remainder)
        run.log(f"{counted(contents):,} records, rows and files of {len(entity)} entities erased")


@dataclass(frozen=True)
class ErasureSteps:
    """One erasure, from its record to the last check."""

    run: Run
    places: Places
    files: HadoopFiles

    def erase(self, reason: str) -> list[Remainder]:
        """Work through all places, look again, and return what only other commands can erase.

        Raises `NotErased` when something is found again in the end; a repeat goes on from there.
        """
        run, entities = self.run, self.places.sought.entities
        earlier_erasures = self._earlier_erasures()
        erasure, cuts = self._begun(earlier_erasures, reason)
        run.log(f"erasure {erasure.id} begun: the stream leaves these entities out")
        note = ErasureNote(reason=reason, entities=len(entities))
        with turn(run.settings, run.scenario.name, ALL, job="erase_from_memory", log=run.log):
            for round_ in range(_ROUNDS):
                self.places.erase_cells(erasure)
                is_repeat = bool(earlier_erasures.unfinished) and round_ == 0
                self.places.erase_tables(note, cuts=cuts, all_files=is_repeat, says=run.log)
                self.places.erase_reports(says=run.log)
                if not self._remaining(erasure, cuts):
                    break
        if not self.places.purge_cells():
            run.log("HBase's files are left to its shell, see below")
        if remaining := self._remaining(erasure, cuts):
            raise NotErased(
                f"found again after the erasure: {'; '.join(remaining)}. Something writes it; end "
                "that and run the same command again"
            )
        self._finish(earlier_erasures, erasure)
        return self.places.remainders(erasure)

    def _earlier_erasures(self) -> ErasedEntities:
        """Earlier erasures; those that a lost control table forgot are written to it again."""
        earlier_erasures = read_files(self.files, self._folder)
        restore(self._table, earlier_erasures)
        marks = set(new_erasure(earlier_erasures, self.places.sought.entities, reason="").marks)
        for unfinished in earlier_erasures.unfinished:
            if not set(unfinished.marks) <= marks:
                self.run.log(unfinished.unfinished_sentence)
        return earlier_erasures

    def _begun(
        self, earlier_erasures: ErasedEntities, reason: str
    ) -> tuple[Erasure, dict[str, Cut]]:
        """The erasure's record, and where each topic ended when it was complete.

        It first covers all events, then those before the topics' current ends. A batch that a
        worker began without knowing of it lies below those ends.
        """
        scenario = self.run.scenario
        kafka, session = kafka_cluster(self.run.settings), store_session(self.run.settings)
        record = read_epoch(session, scenario.name)
        events, labels = scenario.topic("events"), scenario.topic("labels")
        if record is not None:
            check_identity(record, kafka.identity(events), scenario=scenario.name)
        erasure = new_erasure(earlier_erasures, self.places.sought.entities, reason=reason)
        self._write(erasure)
        time.sleep(2 * self.run.settings.stream.deployment_reread_seconds + 1)
        topics = {scenario.topic(kind): kind for kind in KINDS}
        ends = kafka.survey(list(topics))
        erasure = msgspec.structs.replace(
            erasure,
            epoch=record.epoch if record else FIRST_EPOCH,
            first_offsets=ends[events].ends,
            label_ends=ends[labels].ends,
            outcome_ends=ends[scenario.topic("outcomes")].ends,
            device_record_ends=ends[scenario.topic("device-records")].ends,
        )
        self._write(erasure)
        cuts = {
            kind: Cut(ends[topic].identity.topic_id, ends[topic].ends)
            for topic, kind in topics.items()
        }
        return erasure, cuts

    def _remaining(self, erasure: Erasure, cuts: Mapping[str, Cut]) -> list[str]:
        """Where something still is; rows of events after the erasure do not count."""
        scenario, session = self.run.scenario, store_session(self.run.settings)
        places = [
            f"{place.count:,} {place.unit} in {place.where}"
            for place in self.places.contents(cuts)
            if place.count and place.title not in ("HBase table", "review cases", "attachments")
        ]
        cells = [
            entity
            for entity in self.places.sought.entities
            if not is_erased(session, scenario.name, entity, erasure=erasure, codec=scenario.codec)
        ]
        cases = self.places.erased_cases(erasure)
        references = self.places.attachments(erasure).references
        in_hbase = (
            (len(cells), "rows"),
            (len(cases), "review cases"),
            (references, "references to attachments"),
        )
        return [*places, *(f"{count} {what} in HBase" for count, what in in_hbase if count)]

    def _finish(self, earlier_erasures: ErasedEntities, erasure: Erasure) -> None:
        """Record that this erasure, and earlier attempts at the same, are finished."""
        now = datetime.now(UTC).isoformat(timespec="seconds")
        marks = set(erasure.marks)
        attempts = [
            attempt for attempt in earlier_erasures.unfinished if set(attempt.marks) <= marks
        ]
        for record in (*attempts, erasure):
            self._write(msgspec.structs.replace(record, finished_at=now))

    def _write(self, erasure: Erasure) -> None:
        write_file(self.files, self._folder, erasure)
        self._table.write(erasure)

    @property
    def _table(self) -> ErasureTable:
        return ErasureTable(store_session(self.run.settings), self.run.scenario.name)

    @property
    def _folder(self) -> str:
        return delta_place(self.run.settings, self.run.scenario.name).path(FOLDER)


def _show(run: Run, places: list[Place]) -> None:
    """A line for each place: paths are long, and somebody may search for them."""
    for place in places:
        text = f"{place.title} {place.where}: {place.count:,} {place.unit}"
        run.console.print(text, markup=False, highlight=False, soft_wrap=True)


def _show_remainder(run: Run, remainder: Remainder) -> None:
    text = (
        f"not erased: {remainder.title} ({remainder.where}): {remainder.why}. "
        f"Ended by: {remainder.command}"
    )
    run.console.print(text, markup=False, highlight=False, soft_wrap=True)


app = job_app(
    main,
    doc=f"{__doc__}\n\n{main.__doc__}",
    example="./spark-submit.sh erase_from_memory --scenario churn --entity 7590-VHVEG "
    '--reason "the customer asked for it" --dry-run',
)
