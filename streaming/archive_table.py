"""One Delta table of the archive: how far it reaches, and appends that happen exactly once.

The table is its own checkpoint. Each append carries the number after the newest one in the table
as Delta's transaction version: of two archivers that begin at the same place one commits, the
other's append is refused or skipped by Delta, and it notices.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from features.schema import EventSchema
from features.schema_changes import Description, breaking_changes, description
from stores.delta import DeltaPlace, commits, read_table
from streaming.archive_source import COLUMNS

_APP = "everscore-archive"
_SCHEMA = "everscore.event_schema"
_OWN_COMMITS_LOOKED_AT = 20


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
            if schema is not None:
                self._check_schema(schema)
            return
        columns: Any = StructType.fromDDL(COLUMNS)
        maker = DeltaTable.createIfNotExists(self.spark).location(self.path)
        maker = maker.addColumns(columns).partitionedBy("day")
        properties = {**self.place.properties, "delta.appendOnly": "true"}
        if schema is not None:
            properties[_SCHEMA] = _text(description(schema))
        for name, value in properties.items():
            maker = maker.property(name, value)
        maker.execute()

    def position(self, topic_id: str) -> Position:
        """Read from the rows themselves, so that no other record of it can be lost or wrong."""
        rows = read_table(self.spark, self.path, made_by="archive_stream")
        newest = F.when(F.col("topic_id") == topic_id, F.col("offset"))
        found = rows.groupBy("partition").agg(F.max(newest), F.max("archive_batch")).collect()
        offsets = {row[0]: row[1] + 1 for row in found if row[1] is not None}
        return Position(offsets, max((row[2] for row in found), default=0))

    def incarnations(self) -> list[str]:
        """Ids of the topic so far, oldest first."""
        rows = read_table(self.spark, self.path, made_by="archive_stream")
        found = rows.groupBy("topic_id").agg(F.min("archive_batch").alias("first"))
        return [row["topic_id"] for row in found.orderBy("first").collect()]

    def append(self, rows: DataFrame, *, batch: int) -> int:
        """Append `rows` as number `batch` and return how many there were.

        Raises `AnotherArchiver` when that number has been taken: nothing was appended then.
        """
        note = json.dumps({"archive_batch": batch, "archiver": self.run_id})
        writer = rows.write.format("delta").mode("append").option("userMetadata", note)
        try:
            writer.option("txnAppId", _APP).option("txnVersion", batch).save(self.path)
        except Exception as error:
            if "DELTA_CONCURRENT" not in str(error):
                raise
            raise self._another(batch) from None
        for commit in commits(self.spark, self.path, made_by="archive_stream")[
            :_OWN_COMMITS_LOOKED_AT
        ]:
            if commit.note == note:
                return int(commit.counts.get("numOutputRows", 0))
        raise self._another(batch)

    def compact(self) -> None:
        """Merge small files; readers and appends go on, and no row changes."""
        from delta.tables import DeltaTable

        DeltaTable.forPath(self.spark, self.path).optimize().executeCompaction()

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


def _text(schema: Description) -> str:
    return json.dumps(schema, sort_keys=True)
