"""Every place where an entity of a scenario can be, and how it is erased there.

`erase_from_memory` works through this list; what it cannot erase is listed here with the reason
and the command that erases it. Whoever stores entities in a new place adds it to this list.
"""

import shlex
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import msgspec
from pyspark.sql import DataFrame, SparkSession

from batch.privacy.cells import erase_row, has_row
from batch.privacy.erasing import (
    Cut,
    ErasureNote,
    Tables,
    entity_rows,
    erase_records,
    erase_rows,
    named_records,
    remove_files,
    tables_of,
)
from batch.privacy.reports import erase_reports, named_reports
from batch.privacy.sought import Sought
from jobs.launcher.run import Run
from jobs.wiring.from_settings import attachment_place, delta_place
from jobs.wiring.streaming import kafka_cluster, store_session
from jobs.wiring.topics_and_tables import scenario_topics
from local.endpoints import read_endpoints
from local.maven.jars import jars
from local.tables import purge_table
from models.registry.fetching import local_path
from models.registry.probe import PROBE_FILE
from stores.delta.files import HadoopFiles
from stores.hbase.attachments import Forgotten, Reference, every_reference
from stores.hbase.tables import ATTACHMENTS, REVIEW
from stores.records.erasures import Erasure
from stores.records.review_cases import CaseTable, ReviewCase

Says = Callable[[str], None]


@dataclass(frozen=True)
class Place:
    """One place: what is there, where, and how much of it names the entities.

    unit    of `count`, such as "records"
    """

    title: str
    where: str
    count: int
    unit: str


@dataclass(frozen=True)
class Remainder:
    """A place that an erasure does not reach: why, and the command that erases it."""

    title: str
    where: str
    why: str
    command: str


@dataclass(frozen=True)
class Places:
    """The places of the run's scenario, over one Spark session."""

    run: Run
    spark: SparkSession
    sought: Sought

    def contents(self, cuts: Mapping[str, Cut] | None = None) -> list[Place]:
        """What can be erased, counted; nothing is changed.

        cuts: kind → where its topic ended when the erasure began; all records without it.
        """
        tables, sought = self.tables(), self.sought
        places = [
            Place("archive", path, self._records(path, cuts or {}).count(), "records")
            for path in tables.archive
        ]
        places += [
            Place("table", path, entity_rows(self.spark, path, sought).count(), "rows")
            for path in tables.entities
        ]
        places += [Place("unfinished table", path, 1, "folders") for path in tables.unfinished]
        reports = named_reports(self.reports, sought)
        places.append(Place("lists and reports", str(self.reports), len(reports), "files"))
        session, table = store_session(self.run.settings), self.run.scenario.name
        rows = sum(has_row(session, table, entity) for entity in sought.entities)
        namespace = self.run.settings.hbase.namespace
        cases = len(CaseTable(session, table).of_entities(sought.entities))
        if self._has_attachments:
            found, where = self.attachments(), f"{namespace}:{ATTACHMENTS}"
            places += [
                Place("attachments", where, found.references, "references to contents"),
                Place("attachments", where, found.contents, "contents to which nobody else refers"),
            ]
        return [
            *places,
            Place("review cases", f"{namespace}:{REVIEW}", cases, "rows"),
            Place("HBase table", f"{namespace}:{table}", rows, "rows"),
        ]

    def erase_cells(self, erasure: Erasure) -> int:
        """The entities' rows, review cases and attachments in HBase; returns how many there were.

        A content to which another entity refers stays.
        """
        session, scenario = store_session(self.run.settings), self.run.scenario
        forgotten = self.attachments(erasure, is_dry=False)
        cases = self.erased_cases(erasure)
        CaseTable(session, scenario.name).delete([case.id for case in cases])
        return (
            len(cases)
            + forgotten.references
            + forgotten.contents
            + sum(
                erase_row(session, scenario.name, entity, erasure=erasure, codec=scenario.codec)
                for entity in self.sought.entities
            )
        )

    def attachments(self, erasure: Erasure | None = None, *, is_dry: bool = True) -> Forgotten:
        """What the entities refer to, those of events before `erasure`; deleted unless `is_dry`."""
        if not self._has_attachments:
            return Forgotten()

        def is_covered(one: Reference) -> bool:
            return erasure is not None and erasure.covers(
                partition=one.partition, position=one.position, event_ms=one.event_ms
            )

        return (
            attachment_place(self.run.settings)
            .table()
            .forget(
                self.run.scenario.name,
                self.sought.entities,
                covers=is_covered if erasure is not None else every_reference,
                is_dry=is_dry,
            )
        )

    def erased_cases(self, erasure: Erasure) -> list[ReviewCase]:
        """The entities' review cases from before the erasure."""
        table = CaseTable(store_session(self.run.settings), self.run.scenario.name)
        cases = table.of_entities(self.sought.entities)
        return [case for case in cases if case.is_covered(erasure)]

    def erase_tables(
        self, note: ErasureNote, *, cuts: Mapping[str, Cut], all_files: bool, says: Says
    ) -> int:
        """Their records and rows in every table, with the files that held them.

        all_files: also of tables where nothing is found now, since an erasure that was killed may
        have left its files. No job may write to the tables meanwhile. Returns how many rows
        were erased.
        """
        tables, total = self.tables(), 0
        for path in tables.unfinished:
            HadoopFiles(self.spark).delete(path)
            says(f"{path}: removed, no job had finished it")
        for path in tables.archive:
            cut = cuts.get(_kind(path))
            count = erase_records(self.spark, path, self.sought, note=note, cut=cut)
            total += self._remove_files(
                path, count, says, all_files=all_files, with_statistics=False
            )
        for path in tables.entities:
            count = erase_rows(self.spark, path, self.sought, note=note)
            total += self._remove_files(
                path, count, says, all_files=all_files, with_statistics=True
            )
        return total

    def erase_reports(self, *, says: Says) -> None:
        """Their lines in lists, and the other reports that name them."""
        for line in erase_reports(self.reports, self.sought):
            says(line)

    def purge_cells(self) -> bool:
        """Have HBase write its files again without them; False where only its shell can."""
        settings = self.run.settings
        if settings.platform.run_dir is None:
            return False
        endpoints, namespace = read_endpoints(settings.platform.run_dir), settings.hbase.namespace
        tables = [f"{namespace}:{name}" for name in self._hbase_tables]
        is_purged = [purge_table(endpoints, table=table) for table in tables]
        return all(is_purged)

    def remainders(self, erasure: Erasure | None = None) -> list[Remainder]:
        """What remains, each with the reason and the command that erases it.

        With `erasure`, writes the file that Kafka's command needs; without it, writes nothing.
        """
        running = Remainder(
            "running jobs",
            "memory and temporary files of score_stream and archive_stream",
            "recent states and batches, which nothing reads any more",
            "restart them",
        )
        return [*self._kafka(erasure), *self._hbase(), *self._logs(), *self._models(), running]

    def tables(self) -> Tables:
        """The scenario's Delta tables, whichever job wrote them."""
        return tables_of(self.spark, delta_place(self.run.settings, self.run.scenario.name))

    @property
    def _has_attachments(self) -> bool:
        return bool(self.run.scenario.schema.attachments)

    @property
    def _hbase_tables(self) -> tuple[str, ...]:
        """Tables that hold something of the entities."""
        tables = (self.run.scenario.name, REVIEW)
        return (*tables, ATTACHMENTS) if self._has_attachments else tables

    @property
    def reports(self) -> Path:
        """Where the scenario's reports are."""
        return self.run.settings.reports.folder / self.run.scenario.name

    def _records(self, path: str, cuts: Mapping[str, Cut]) -> DataFrame:
        return named_records(self.spark, path, self.sought, cut=cuts.get(_kind(path)))

    def _remove_files(
        self, path: str, count: int, says: Says, *, all_files: bool, with_statistics: bool
    ) -> int:
        """Remove the files that held `count` erased rows, log it, and return `count`."""
        if count or all_files:
            remove_files(self.spark, path, with_statistics=with_statistics)
        if count:
            says(f"{path}: {count:,} erased")
        return count

    def _kafka(self, erasure: Erasure | None) -> list[Remainder]:
        settings = self.run.settings
        cluster = kafka_cluster(settings)
        topics = [spec.name for spec in scenario_topics(self.run)]
        ends = cluster.survey(topics)
        partitions = [
            {"topic": topic, "partition": partition, "offset": end}
            for topic in topics
            for partition, end in ends[topic].ends.items()
            if end
        ]
        if not partitions:
            return []
        name = erasure.id if erasure is not None else "ID"
        file = self.reports / "erasures" / f"{name}-kafka.json"
        if erasure is not None:
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(msgspec.json.encode({"partitions": partitions, "version": 1}))
        return [
            Remainder(
                "Kafka's topics",
                ", ".join(topics),
                "Kafka deletes from the front alone: this removes what every customer has there up "
                "to now, of which stream and archive have no need once they have caught up "
                "(show_status; archive_stream --once); segments leave the disk when they are "
                "rolled",
                f"{self._delete_records()} --bootstrap-server "
                f"{settings.kafka.bootstrap_servers} --offset-json-file {shlex.quote(str(file))}",
            )
        ]

    def _delete_records(self) -> str:
        if self.run.settings.platform.run_dir is None:
            return "kafka-delete-records.sh"
        classes = shlex.quote(f"{jars('kafka')}/*")
        return f"java -cp {classes} org.apache.kafka.tools.DeleteRecordsCommand"

    def _hbase(self) -> list[Remainder]:
        settings = self.run.settings
        namespace = settings.hbase.namespace
        tables = [f"{namespace}:{name}" for name in self._hbase_tables]
        large = "; those of contents from 100 KB on when they are an hour old"
        large = large if self._has_attachments else ""
        if settings.platform.run_dir is not None:
            hbase = settings.platform.run_dir / "hbase"
            why = "files that HBase no longer reads; it removes them by itself within a minute"
            why += large
            return [Remainder("HBase's old files", str(hbase), why, "none is needed")]
        return [
            Remainder(
                "HBase's files",
                ", ".join(tables),
                "no reader sees the rows any more; their bytes go when the tables are compacted, "
                "the logs are rolled, and every table with edits in a log, hbase:namespace among "
                f"them, has been flushed{large}",
                "hbase shell: "
                + "; ".join(f"flush '{table}'; major_compact '{table}'" for table in tables)
                + "; wal_roll_all; cleaner_chore_run",
            )
        ]

    def _logs(self) -> list[Remainder]:
        run_dir = self.run.settings.platform.run_dir
        if run_dir is None:
            return []
        named = [
            path
            for path in sorted(run_dir.rglob("*.log"))
            if path.is_file()
            and not {"kafka", "hbase"} & set(path.relative_to(run_dir).parts[:1])
            and self.sought.is_in(path.read_text(encoding="utf-8", errors="replace"))
        ]
        why = "a log of a running service cannot be rewritten"
        return [
            Remainder("log", str(path), why, f"truncate -s 0 {shlex.quote(str(path))}")
            for path in named
        ]

    def _models(self) -> list[Remainder]:
        root = self.run.settings.mlflow.artifact_root
        folder = local_path(root)
        why = (
            "models trained on erased rows, with probe rows: features without ids; they stay until "
            "a version is trained on what is left and the old ones are deleted"
        )
        where = root if folder is None else str(folder)
        if folder is not None and not any(folder.glob(f"**/{PROBE_FILE}")):
            return []
        return [Remainder("MLflow's artefacts", where, why, f"./spark-submit.sh {self._train}")]

    @property
    def _train(self) -> str:
        return f"build_training_set --scenario {self.run.scenario.name}, then train_model"


def _kind(path: str) -> str:
    return path.rpartition("/")[2]


def counted(places: Sequence[Place]) -> int:
    """How much there is in all `places`."""
    return sum(place.count for place in places)
