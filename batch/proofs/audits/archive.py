"""What the archive holds of one entity: few rows, found by position or key."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import numpy as np
from pyspark.sql import Column, DataFrame, SparkSession
from pyspark.sql import functions as F

from batch.proofs.recompute.incarnations import Incarnations, incarnations
from batch.records.archived import MADE_BY, archived_table, recorded_homes
from batch.records.placed_records import placed
from features.events.arrow_records import PLACEMENT_COLUMNS
from features.events.partitioners import Layout, Placement
from stores.delta.epoch_table import stored_epochs
from stores.delta.tables import DeltaPlace, newest_version

REASON_HEADERS = ("reason_code", "reason")


@dataclass(frozen=True, kw_only=True)
class ArchivedRow:
    """A record of the archive; times are UTC. placement: of events, how keys lie there."""

    topic: str
    topic_id: str
    epoch: int
    partition: int
    offset: int
    kafka_time: datetime
    archived_at: datetime
    key: bytes | None
    value: bytes | None
    headers: Mapping[str, str] = field(default_factory=dict)
    placement: Placement | None = None

    @property
    def order(self) -> tuple[int, int, int]:
        """The place of an event in its entity's history."""
        return self.epoch, self.partition, self.offset


@dataclass(frozen=True, kw_only=True)
class AuditArchive:
    """One state of a scenario's archive tables; later appends change nothing."""

    spark: SparkSession
    place: DeltaPlace
    versions: Mapping[str, int]
    incarnations: Incarnations

    def event_at(self, epoch: int, partition: int, offset: int) -> ArchivedRow | None:
        """The event that a prediction of `epoch` names; raises `EpochUnknown`."""
        topic_id = self.incarnations.require(epoch)
        at = (F.col("partition") == partition) & (F.col("offset") == offset)
        rows = self._rows("events", at & (F.col("topic_id") == topic_id))
        return rows[0] if rows else None

    def events_of(self, key: bytes) -> list[ArchivedRow]:
        """All events of an entity in the order in which the stream folds them."""
        rows = self._rows("events", (F.col("key") == F.lit(key)) & (F.col("epoch") >= 1))
        return sorted(rows, key=lambda row: row.order)

    def predictions_of(self, key: bytes) -> list[ArchivedRow]:
        """All messages about an entity, oldest first."""
        rows = self._rows("predictions", F.col("key") == F.lit(key))
        return sorted(rows, key=lambda row: (row.kafka_time, row.partition, row.offset))

    def dead_letters_of(self, event: ArchivedRow) -> list[ArchivedRow]:
        """Dead letters about `event`, of its topic only: another topic may have its offset too."""
        key = F.lit(event.key).cast("binary")
        wanted = {"source_partition": str(event.partition), "source_offset": str(event.offset)}
        rows = self._rows("dead-letter", F.col("key").eqNullSafe(key))
        return [
            row
            for row in rows
            if wanted.items() <= row.headers.items() and self.is_of_topic(row.epoch, event)
        ]

    def is_of_topic(self, epoch: int, event: ArchivedRow) -> bool:
        """Whether `epoch` lies in the topic that `event` is of."""
        return self.incarnations.topic_id(epoch) == event.topic_id

    def newest_times(self) -> Mapping[str, datetime | None]:
        """How far events and predictions reach, by Kafka's time."""
        return {kind: self._newest(kind) for kind in ("events", "predictions")}

    def table(self, kind: str) -> DataFrame:
        """The table of `kind` at the version that this audit reads."""
        return archived_table(self.spark, self.place, kind, version=self.versions[kind])

    def _newest(self, kind: str) -> datetime | None:
        newest = F.unix_millis(F.max("kafka_time")).alias("newest")
        row = self.table(kind).agg(newest).first()
        newest_ms = None if row is None else row["newest"]
        return None if newest_ms is None else datetime.fromtimestamp(newest_ms / 1000, UTC)

    def _rows(self, kind: str, condition: Column) -> list[ArchivedRow]:
        times = [
            F.unix_micros(name).alias(name) for name in ("kafka_time", "archived_at")
        ]  # a collected timestamp would be in the driver's own zone
        columns = ["topic", "topic_id", "epoch", "partition", "offset", "key", "value", "headers"]
        records = self.table(kind).where(condition)
        if kind == "events":
            columns += PLACEMENT_COLUMNS
            starts = stored_epochs(self.spark, self.place)
            version = self.versions["dead-letter"]
            homes = recorded_homes(self.spark, self.place, version=version)
            records = placed(records, starts, homes)
        rows = records.select(*columns, *times).collect()
        return [_archived_row(row.asDict(recursive=True)) for row in rows]


def audit_archive(spark: SparkSession, place: DeltaPlace) -> AuditArchive:
    """The archive as it is now; raises `TableAbsent` when nothing has been archived."""
    kinds = ("dead-letter", "predictions", "events")  # events last: they have that of every message
    versions = {kind: newest_version(spark, place.path(kind), made_by=MADE_BY) for kind in kinds}
    events = archived_table(spark, place, "events", version=versions["events"])
    return AuditArchive(
        spark=spark, place=place, versions=versions, incarnations=incarnations(events)
    )


def _archived_row(row: Mapping[str, Any]) -> ArchivedRow:
    times = {
        name: datetime.fromtimestamp(row[name] // 1000 / 1000, UTC)
        for name in ("kafka_time", "archived_at")
    }
    headers = {
        header["key"]: bytes(header["value"] or b"").decode("utf-8", "replace")
        for header in row["headers"] or ()
    }
    binary = {name: None if row[name] is None else bytes(row[name]) for name in ("key", "value")}
    fields = {name: value for name, value in row.items() if name not in PLACEMENT_COLUMNS}
    return ArchivedRow(
        **{**fields, **times, **binary, "headers": headers, "placement": _placement(row)}
    )


def _placement(row: Mapping[str, Any]) -> Placement | None:
    if "partitioner" not in row:
        return None
    return Placement(
        layout=Layout(partitioner=row["partitioner"], partitions=row["partitions"]),
        partition=row["partition"],
        known_homes=np.array([row["home"]], dtype=np.int64),
    )
