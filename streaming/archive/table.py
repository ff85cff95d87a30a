"""One Delta table of the archive: how far it reaches, and appends that happen exactly once.

The table is its own checkpoint. Each append carries the number after the newest one in the table
as Delta's transaction version: of two archivers that begin at the same place one commits, the
other's append is refused or skipped by Delta, and it notices.
"""

import json
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any

import msgspec
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from features.events.schema_changes import Description, breaking_changes, description
from features.schema import EventSchema
from stores.delta import absent
from stores.delta.tables import Commit, DeltaPlace, commits, is_table, read_table, sql_name
from streaming.archive.source import COLUMNS, STATISTICS, Slice

_APP = "everscore-archive"
_SCHEMA = "everscore.event_schema"
_MAINTAINED = "everscore.maintained"
# Rows carry when and by which commit they were archived: older versions are needed only by readers
# that are reading them. A commit every ten seconds writes 17,000 files in two days.
_VERSIONS_KEPT = "interval 2 days"
_COMMITS_PER_CHECKPOINT = "60"
# A merge within the day leaves larger files alone: it never rewrites more than it would make.
_SMALL_FILE_BYTES = 16 << 20
_MIN_FILE_SIZE = "spark.databricks.delta.optimize.minFileSize"
# From so many files on, a closed day is worth one merge.
CROWDED_FILES = 4
_STATISTICS = "delta.dataSkippingStatsColumns"
# Between two appends stand a few commits of compaction, erasure and schema at most.
_COMMITS_LOOKED_AT = 20


class AppendNote(msgspec.Struct, frozen=True, kw_only=True):
    """What an append writes into its commit: its number, its archiver, the offsets it covers.

    begin, end: partition → first offset, and the one after the last, for every partition of the
    topic.
    """

    archive_batch: int
    archiver: str = ""
    topic_id: str = ""
    begin: Mapping[int, int] = {}
    end: Mapping[int, int] = {}


_DAY = re.compile(r"/day=(\d{4}-\d\d-\d\d)/")
_PROPERTIES = {
    "delta.appendOnly": "true",
    "delta.logRetentionDuration": _VERSIONS_KEPT,
    "delta.deletedFileRetentionDuration": _VERSIONS_KEPT,
    "delta.checkpointInterval": _COMMITS_PER_CHECKPOINT,
    _STATISTICS: STATISTICS,
}


@dataclass(frozen=True)
class Maintenance:
    """What one maintenance did: the closed days whose files were merged."""

    merged_days: Sequence[date]


class AnotherArchiver(RuntimeError):
    """Somebody else has appended the same records at the same time."""

    exit_code = 4


class ArchiveSchemaChanged(RuntimeError):
    """The scenario's events no longer have the types that the archived ones have."""

    exit_code = 4


@dataclass(frozen=True)
class Position:
    """How far a table reaches: partition → next offset of this topic, and the newest batch."""

    offsets: Mapping[int, int]
    batch: int


@dataclass(frozen=True)
class ArchiveTable:
    """The table of one kind of topic; `run_id` names this archiver in the commits."""

    spark: Any
    place: DeltaPlace
    kind: str
    run_id: str

    @property
    def path(self) -> str:
        """Its folder."""
        return self.place.path(self.kind)

    def exists(self) -> bool:
        """Whether there is such a table."""
        return is_table(self.spark, self.path)

    def make(self, schema: EventSchema | None) -> bool:
        """Create the table when it is missing; check and store the events' `schema`.

        Returns whether it was created. A new optional field is added to the stored schema; a change
        that would make archived events unreadable raises `ArchiveSchemaChanged`.
        """
        from delta.tables import DeltaTable
        from pyspark.sql.types import StructType

        if self.exists():
            self._add_columns()
            if schema is not None:
                self._check_schema(schema)
            return False
        columns: Any = StructType.fromDDL(COLUMNS)
        maker = DeltaTable.createIfNotExists(self.spark).location(self.path)
        maker = maker.addColumns(columns).partitionedBy("day")
        properties = {**_PROPERTIES, _MAINTAINED: _today().isoformat()}
        if schema is not None:
            properties[_SCHEMA] = _text(description(schema))
        for name, value in properties.items():
            maker = maker.property(name, value)
        maker.execute()
        return True

    def position(self, topic_id: str) -> Position:
        """Where to go on: after the newest append, as its commit says.

        It is read from the rows for a table that an older version of this code wrote last, and
        for another incarnation of the topic. Rows that were erased still stand for their offsets.
        """
        for commit in self._newest_commits():
            note = _note_of(commit)
            if note is not None and note.end and note.topic_id == topic_id:
                return Position(note.end, note.archive_batch)
            if note is not None:
                break
        rows = read_table(self.spark, self.path, made_by="archive_stream")
        newest = F.when(F.col("topic_id") == topic_id, absent.end_of(rows))
        ends = rows.groupBy("partition").agg(F.max(newest), F.max("archive_batch")).collect()
        offsets = {row[0]: row[1] for row in ends if row[1] is not None}
        return Position(offsets, max((row[2] for row in ends), default=0))

    def incarnations(self) -> list[str]:
        """Ids of the topic so far, oldest first."""
        rows = read_table(self.spark, self.path, made_by="archive_stream")
        topics = rows.groupBy("topic_id").agg(F.min("archive_batch").alias("first"))
        return [row["topic_id"] for row in topics.orderBy("first").collect()]

    def append(self, rows: DataFrame, archive_slice: Slice) -> int:
        """Append `rows`, the records of `archive_slice`, and return how many there were.

        Raises `AnotherArchiver` when its number has been taken: nothing was appended then.
        """
        batch = archive_slice.batch
        note = msgspec.json.encode(
            AppendNote(
                archive_batch=batch,
                archiver=self.run_id,
                topic_id=archive_slice.topic_id,
                begin=archive_slice.begin,
                end=archive_slice.end,
            )
        ).decode()
        writer = rows.write.format("delta").mode("append").option("userMetadata", note)
        try:
            writer.option("txnAppId", _APP).option("txnVersion", batch).save(self.path)
        except Exception as error:
            if "DELTA_CONCURRENT" not in str(error):
                raise
            raise self._another(batch) from None
        for commit in self._newest_commits():
            if commit.note == note:
                return int(commit.counts.get("numOutputRows", 0))
        raise self._another(batch)

    def merge_small_files(self, day: date) -> None:
        """Merge the small files of `day`; readers and appends go on, and no row changes.

        Files of 16 MiB and more stay: what one merge rewrites does not grow with the day.
        """
        self.spark.conf.set(_MIN_FILE_SIZE, str(_SMALL_FILE_BYTES))
        try:
            self._merge(day)
        finally:
            self.spark.conf.unset(_MIN_FILE_SIZE)

    def maintain(self, today: date) -> Maintenance | None:
        """Once a day: merge closed days that are crowded, remove files that nobody needs.

        None when any process has done it today, by the table's properties.
        Days are those of Kafka's times, UTC; a closed day is merged once, for it gets no files
        later, unless an archiver that was away fills it up.
        """
        maintained = self._properties().get(_MAINTAINED, "")
        if maintained >= today.isoformat():
            return None
        crowded = [
            day
            for day, files in sorted(self.files_by_day().items())
            if day < today and files >= CROWDED_FILES
        ]
        for day in crowded:
            self._merge(day)
        self._delta_table().vacuum()
        self._set_properties({_MAINTAINED: today.isoformat()})
        return Maintenance(crowded)

    def files_by_day(self) -> Mapping[date, int]:
        """How many files each day has, from the table's log alone."""
        files = read_table(self.spark, self.path, made_by="archive_stream").inputFiles()
        matches = (_DAY.search(file) for file in files)
        return Counter(date.fromisoformat(match[1]) for match in matches if match is not None)

    def _merge(self, day: date) -> None:
        optimizer = self._delta_table().optimize().where(f"day = '{day.isoformat()}'")
        optimizer.executeCompaction()

    def _delta_table(self) -> Any:
        from delta.tables import DeltaTable

        return DeltaTable.forPath(self.spark, self.path)

    def _newest_commits(self) -> list[Commit]:
        made_by, limit = "archive_stream", _COMMITS_LOOKED_AT
        return commits(self.spark, self.path, made_by=made_by, limit=limit)

    def _add_columns(self) -> None:
        """Give a table of an older version of this code the columns that it lacks."""
        names = read_table(self.spark, self.path, made_by="archive_stream").columns
        absent_names = [column.split()[0] for column in absent.COLUMNS.split(", ")]
        if not set(absent_names) <= set(names):
            self.spark.sql(f"ALTER TABLE {sql_name(self.path)} ADD COLUMNS ({absent.COLUMNS})")
        properties = self._properties()
        other = {
            name: value for name, value in _PROPERTIES.items() if properties.get(name) != value
        }
        if other:
            self._set_properties(other)

    def _properties(self) -> dict[str, str]:
        shown = self.spark.sql(f"SHOW TBLPROPERTIES {sql_name(self.path)}").collect()
        return {row["key"]: row["value"] for row in shown}

    def _set_properties(self, properties: Mapping[str, str]) -> None:
        pairs = ", ".join(f"'{name}' = '{_quoted(value)}'" for name, value in properties.items())
        self.spark.sql(f"ALTER TABLE {sql_name(self.path)} SET TBLPROPERTIES ({pairs})")

    def _another(self, batch: int) -> AnotherArchiver:
        return AnotherArchiver(
            f"another archiver has written batch {batch} of {self.path}: this one has "
            "appended nothing and stops; let one archive_stream run per scenario"
        )

    def _check_schema(self, schema: EventSchema) -> None:
        stored_text = self._properties().get(_SCHEMA)
        current = description(schema)
        if stored_text is not None:
            changes = breaking_changes(json.loads(stored_text), current)
            if changes:
                raise ArchiveSchemaChanged(
                    f"{self.kind} archived in {self.path} would no longer be readable: "
                    f"{'; '.join(changes)}. Give the field or type a new name instead; nothing "
                    "was archived"
                )
        text = _text(current)
        if text != stored_text:
            self._set_properties({_SCHEMA: text})


def _quoted(text: str) -> str:
    return text.replace("\\", "\\\\").replace("'", "\\'")


def _today() -> date:
    return datetime.now(UTC).date()


def _note_of(commit: Commit) -> AppendNote | None:
    """The note of an append; None for other commits."""
    if commit.operation != "WRITE" or not commit.note:
        return None
    try:
        return msgspec.json.decode(commit.note, type=AppendNote)
    except msgspec.DecodeError:
        return None


def _text(schema: Description) -> str:
    return json.dumps(schema, sort_keys=True)
