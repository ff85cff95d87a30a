"""Erase entities from every Delta table of a scenario: rows, older files and what the log says."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import msgspec
from pyspark.sql import Column, DataFrame, SparkSession
from pyspark.sql import functions as F

from batch.privacy.delta_log import scrub_log
from batch.privacy.sought import Sought
from stores.delta import absent
from stores.delta.files import HadoopFiles
from stores.delta.tables import DeltaPlace, is_table, read_table, sql_name

_NOTE = "spark.databricks.delta.commitInfo.userMetadata"
_SHORT_VACUUM = "spark.databricks.delta.retentionDurationCheck.enabled"
_MADE_BY = "archive_stream"
_DEEPEST = 3
_POSITION = ("topic_id", "partition", "offset")


class ErasureNote(msgspec.Struct, frozen=True, kw_only=True):
    """What stays in a table's history: why rows were erased, of how many entities; no ids."""

    reason: str
    entities: int


@dataclass(frozen=True)
class Cut:
    """Where a topic ended when the erasure began: later records are archived under its rule.

    So a customer who comes back during the erasure loses nothing.
    """

    topic_id: str
    ends: Mapping[int, int]

    def is_before(self) -> Column:
        """Whether an archived record stands before the cut; those of earlier topics do."""
        condition = F.col("topic_id") != self.topic_id
        for partition, end in self.ends.items():
            condition = condition | ((F.col("partition") == partition) & (F.col("offset") < end))
        return condition


@dataclass(frozen=True)
class Tables:
    """The Delta tables of a scenario by what an erasure does to them.

    archive     of records as they came: rows stay as positions, so that nothing is read again
    entities    with a column `entity`: rows are deleted
    others      without either; nobody is named there
    unfinished  folders that a killed job left without a commit: they are removed whole
    """

    archive: Sequence[str]
    entities: Sequence[str]
    others: Sequence[str]
    unfinished: Sequence[str]


def tables_of(spark: SparkSession, place: DeltaPlace) -> Tables:
    """Every table below the scenario's folder, whichever job created it."""
    files, root = HadoopFiles(spark), place.path()
    archive, entities, others, unfinished = [], [], [], []
    for path in sorted(_folders(files, root.rstrip("/"), depth=1)):
        if not is_table(spark, path):
            # Those of runs and snapshots alone, which take their turn; a table of the scenario
            # itself may be one that another job is just making.
            if path.count("/") > root.rstrip("/").count("/") + 1:
                unfinished.append(path)
            continue
        columns = set(read_table(spark, path, made_by=_MADE_BY).columns)
        if {"key", "value", *_POSITION} <= columns:
            archive.append(path)
        elif "entity" in columns:
            entities.append(path)
        else:
            others.append(path)
    return Tables(archive, entities, others, unfinished)


def _folders(files: HadoopFiles, folder: str, *, depth: int) -> Iterator[str]:
    """Folders that hold a table or the files of one that was never finished."""
    for name in files.folders(folder):
        path = f"{folder}/{name}"
        within = files.names(path)
        if "_delta_log" in within or any(file.endswith(".parquet") for file in within):
            yield path
        elif depth < _DEEPEST:
            yield from _folders(files, path, depth=depth + 1)


def named_records(
    spark: SparkSession, path: str, sought: Sought, *, cut: Cut | None = None
) -> DataFrame:
    """The records in an archive table, before `cut` if given, that name one of the entities."""
    records = absent.present(read_table(spark, path, made_by=_MADE_BY))
    older = records.where(cut.is_before()) if cut is not None else records
    return older.where(sought.in_record())


def entity_rows(spark: SparkSession, path: str, sought: Sought) -> DataFrame:
    """The rows of one of the entities in a table with a column `entity`."""
    rows = read_table(spark, path, made_by=_MADE_BY)
    return rows.where(F.col("entity").isin(list(sought.entities)))


def erase_records(
    spark: SparkSession, path: str, sought: Sought, *, note: ErasureNote, cut: Cut | None = None
) -> int:
    """Empty the records that name one of the entities; their rows stand for their offsets.

    Positions, epochs and counts stay as they are (stores/delta/absent.py). Returns how many there
    were.
    """
    from delta.tables import DeltaTable

    if "absent" not in read_table(spark, path, made_by=_MADE_BY).columns:
        spark.sql(f"ALTER TABLE {sql_name(path)} ADD COLUMNS ({absent.COLUMNS})")
    records = named_records(spark, path, sought, cut=cut).select("day", *_POSITION)
    records = records.distinct().persist()
    try:
        count = records.count()
        if count:
            # Not by the condition that finds them: the log would repeat it, ids and all.
            same = " AND ".join(f"t.{name} = s.{name}" for name in ("day", *_POSITION))
            nothing = dict.fromkeys(("key", "value", "headers"), F.lit(None))
            with _noted(spark, note), _changeable(spark, path):
                table = DeltaTable.forPath(spark, path).alias("t")
                merge = table.merge(records.alias("s"), same)
                merge.whenMatchedUpdate(set={**nothing, "absent": F.lit(absent.ERASED)}).execute()
        return count
    finally:
        records.unpersist()


def erase_rows(spark: SparkSession, path: str, sought: Sought, *, note: ErasureNote) -> int:
    """Delete the rows of the entities; returns how many there were."""
    from delta.tables import DeltaTable

    count = entity_rows(spark, path, sought).count()
    if count:
        ids = spark.createDataFrame([(entity,) for entity in sought.entities], "entity string")
        with _noted(spark, note):
            table = DeltaTable.forPath(spark, path).alias("t")
            table.merge(ids.alias("s"), "t.entity = s.entity").whenMatchedDelete().execute()
    return count


def remove_files(spark: SparkSession, path: str, *, with_statistics: bool) -> None:
    """Remove every file of the table at `path` that its newest version does not need.

    Nobody may append meanwhile: a file whose commit has not come yet would go too. Older versions
    can no longer be read.
    """
    from delta.tables import DeltaTable

    spark.conf.set(_SHORT_VACUUM, "false")
    try:
        DeltaTable.forPath(spark, path).vacuum(0)
    finally:
        spark.conf.unset(_SHORT_VACUUM)
    scrub_log(spark, path, with_statistics=with_statistics)


@contextmanager
def _noted(spark: SparkSession, note: ErasureNote) -> Iterator[None]:
    """Inside the block commits carry `note`."""
    spark.conf.set(_NOTE, msgspec.json.encode(note).decode())
    try:
        yield
    finally:
        spark.conf.unset(_NOTE)


@contextmanager
def _changeable(spark: SparkSession, path: str) -> Iterator[None]:
    """Archive tables refuse changes of rows; inside the block this one does not."""
    properties = spark.sql(f"SHOW TBLPROPERTIES {sql_name(path)}").where("key = 'delta.appendOnly'")
    if properties.isEmpty():
        yield
        return
    alter = f"ALTER TABLE {sql_name(path)} SET TBLPROPERTIES ('delta.appendOnly' = '{{}}')"
    spark.sql(alter.format("false"))
    try:
        yield
    finally:
        spark.sql(alter.format("true"))
