"""Erase entities from the memory: every training snapshot and the archive, files included."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import msgspec
from pyspark.sql import Column, SparkSession
from pyspark.sql import functions as F

from batch.snapshots import path_of, snapshot_numbers
from stores.delta import DeltaPlace, commits, is_table, read_table

ARCHIVE = ("events", "predictions", "dead-letter", "labels")
_NOTE = "spark.databricks.delta.commitInfo.userMetadata"
_SHORT_VACUUM = "spark.databricks.delta.retentionDurationCheck.enabled"


class ErasureNote(msgspec.Struct, frozen=True, kw_only=True):
    """What stays in a table's history: why rows were erased, of how many entities; no ids."""

    reason: str
    entities: int


@dataclass(frozen=True)
class Erased:
    """Rows of one table that hold, or held, the entities."""

    table: str
    rows: int


def rows_of(spark: SparkSession, place: DeltaPlace, entities: Sequence[str]) -> list[Erased]:
    """How many rows each table holds of `entities`; nothing is changed."""
    found = []
    for path, condition in _tables(spark, place, entities):
        rows = read_table(spark, path, made_by="archive_stream").where(condition).count()
        found.append(Erased(path, rows))
    return found


def erase(
    spark: SparkSession,
    place: DeltaPlace,
    entities: Sequence[str],
    *,
    reason: str,
    progress: Callable[[str], None],
) -> list[Erased]:
    """Delete every row of `entities` and remove the files that held them.

    Older versions of the tables touched can no longer be read afterwards. Repeating it is
    harmless. No archiver may run meanwhile: its commit would be refused, and it would stop.
    """
    from delta.tables import DeltaTable

    note = msgspec.json.encode(ErasureNote(reason=reason, entities=len(entities))).decode()
    done = []
    spark.conf.set(_SHORT_VACUUM, "false")
    for path, condition in _tables(spark, place, entities):
        if read_table(spark, path, made_by="archive_stream").where(condition).isEmpty():
            done.append(Erased(path, 0))
            continue
        progress(f"erasing from {path}")
        with _deletable(spark, path):
            rows = _delete(spark, path, condition, note)
        DeltaTable.forPath(spark, path).vacuum(0)
        done.append(Erased(path, rows))
    return done


def _delete(spark: SparkSession, path: str, condition: Column, note: str) -> int:
    from delta.tables import DeltaTable

    spark.conf.set(_NOTE, note)
    try:
        DeltaTable.forPath(spark, path).delete(condition)
    finally:
        spark.conf.unset(_NOTE)
    return int(commits(spark, path, made_by="archive_stream")[0].counts.get("numDeletedRows", 0))


@contextmanager
def _deletable(spark: SparkSession, path: str) -> Iterator[None]:
    """Archive tables refuse deletes; inside the block this one does not."""
    was = spark.sql(f"SHOW TBLPROPERTIES delta.`{path}`").where("key = 'delta.appendOnly'")
    if was.isEmpty():
        yield
        return
    alter = f"ALTER TABLE delta.`{path}` SET TBLPROPERTIES ('delta.appendOnly' = '{{}}')"
    spark.sql(alter.format("false"))
    try:
        yield
    finally:
        spark.sql(alter.format("true"))


def _tables(
    spark: SparkSession, place: DeltaPlace, entities: Sequence[str]
) -> list[tuple[str, Column]]:
    """Every table that may hold the entities, and the condition that finds them in it."""
    keys = F.col("key").isin([bytearray(entity.encode()) for entity in entities])
    snapshots = [path_of(place, number) for number in snapshot_numbers(spark, place)]
    archive = [place.path(kind) for kind in ARCHIVE]
    return [
        *((path, F.col("entity").isin(list(entities))) for path in snapshots),
        *((path, keys) for path in archive if is_table(spark, path)),
    ]
