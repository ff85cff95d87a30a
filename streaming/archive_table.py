"""One Delta table of the archive: how far it reaches, and appends that happen exactly once.

The table is its own checkpoint. Each append carries the number after the newest one in the table
as Delta's transaction version: of two archivers that begin at the same place one commits, the
other's append is refused or skipped by Delta, and it notices.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import msgspec
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from features.schema import EventSchema
from features.schema_changes import Description, breaking_changes, description
from stores import absent
from stores.delta import Commit, DeltaPlace, commits, read_table
from streaming.archive_source import COLUMNS, STATISTICS, Slice

_APP = "everscore-archive"
_SCHEMA = "everscore.event_schema"
_STATISTICS = "delta.dataSkippingStatsColumns"
# Between two appends stand a few commits of compaction, erasure and schema at most.
_COMMITS_LOOKED_AT = 20


class AppendNote(msgspec.Struct, frozen=True, kw_only=True):
    """What an append leaves in its commit: its number, who made it, which offsets it covers.

    begin, end: partition → first offset, and the one after the last; every partition of the topic
    stands in them.
    """

    archive_batch: int
    archiver: str = ""
    topic_id: str = ""
    begin: Mapping[int, int] = {}
    end: Mapping[int, int] = {}


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

    def make(self, schema: EventSchema | None) -> None:
        """Make the table when it is missing; check and keep the events' `schema`.

        A new optional field is added to what is kept; a change that would make archived events
        unreadable raises `ArchiveSchemaChanged`.
        """
        from delta.tables import DeltaTable
        from pyspark.sql.types import StructType

        if DeltaTable.isDeltaTable(self.spark, self.path):
            self._add_columns()
            if schema is not None:
                self._check_schema(schema)
            return
        columns: Any = StructType.fromDDL(COLUMNS)
        maker = DeltaTable.createIfNotExists(self.spark).location(self.path)
        maker = maker.addColumns(columns).partitionedBy("day")
        properties = {
            **self.place.properties,
            "delta.appendOnly": "true",
            _STATISTICS: STATISTICS,
        }
        if schema is not None:
            properties[_SCHEMA] = _text(description(schema))
        for name, value in properties.items():
            maker = maker.property(name, value)
        maker.execute()

    def position(self, topic_id: str) -> Position:
        """Where to go on: after the newest append, which its commit says.

        The rows themselves say it for a table that an older version of this code wrote last, and
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
        found = rows.groupBy("partition").agg(F.max(newest), F.max("archive_batch")).collect()
        offsets = {row[0]: row[1] for row in found if row[1] is not None}
        return Position(offsets, max((row[2] for row in found), default=0))

    def incarnations(self) -> list[str]:
        """Ids of the topic so far, oldest first."""
        rows = read_table(self.spark, self.path, made_by="archive_stream")
        found = rows.groupBy("topic_id").agg(F.min("archive_batch").alias("first"))
        return [row["topic_id"] for row in found.orderBy("first").collect()]

    def append(self, rows: DataFrame, chosen: Slice) -> int:
        """Append `rows`, the records of `chosen`, and return how many there were.

        Raises `AnotherArchiver` when its number has been taken: nothing was appended then.
        """
        batch = chosen.batch
        note = msgspec.json.encode(
            AppendNote(
                archive_batch=batch,
                archiver=self.run_id,
                topic_id=chosen.topic_id,
                begin=chosen.begin,
                end=chosen.end,
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

    def compact(self) -> None:
        """Merge small files; readers and appends go on, and no row changes."""
        from delta.tables import DeltaTable

        DeltaTable.forPath(self.spark, self.path).optimize().executeCompaction()

    def _newest_commits(self) -> list[Commit]:
        made_by, limit = "archive_stream", _COMMITS_LOOKED_AT
        return commits(self.spark, self.path, made_by=made_by, limit=limit)

    def _add_columns(self) -> None:
        """Give a table of an older version of this code the columns that it lacks."""
        known = read_table(self.spark, self.path, made_by="archive_stream").columns
        wanted = [each.split()[0] for each in absent.COLUMNS.split(", ")]
        if not set(wanted) <= set(known):
            self.spark.sql(f"ALTER TABLE delta.`{self.path}` ADD COLUMNS ({absent.COLUMNS})")
        shown = self.spark.sql(f"SHOW TBLPROPERTIES delta.`{self.path}`").collect()
        properties = {row["key"]: row["value"] for row in shown}
        if properties.get(_STATISTICS) != STATISTICS:
            self.spark.sql(
                f"ALTER TABLE delta.`{self.path}` "
                f"SET TBLPROPERTIES ('{_STATISTICS}' = '{STATISTICS}')"
            )

    def _another(self, batch: int) -> AnotherArchiver:
        return AnotherArchiver(
            f"another archiver has written batch {batch} of {self.path}: this one has "
            "appended nothing and stops; let one archive_stream run per scenario"
        )

    def _check_schema(self, schema: EventSchema) -> None:
        shown = self.spark.sql(f"SHOW TBLPROPERTIES delta.`{self.path}`").collect()
        kept = {row["key"]: row["value"] for row in shown}.get(_SCHEMA)
        now = description(schema)
        if kept is not None:
            changes = breaking_changes(json.loads(kept), now)
            if changes:
                raise ArchiveSchemaChanged(
                    f"{self.kind} archived in {self.path} would no longer be readable: "
                    f"{'; '.join(changes)}. Give the field or type a new name instead; nothing "
                    "was archived"
                )
        text = _text(now)
        if text != kept:
            quoted = text.replace("\\", "\\\\").replace("'", "\\'")
            self.spark.sql(
                f"ALTER TABLE delta.`{self.path}` SET TBLPROPERTIES ('{_SCHEMA}' = '{quoted}')"
            )


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
