"""Delta tables of a scenario: where they are, how they are opened and written, what went wrong."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from pyspark.errors import AnalysisException
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

# What Delta and Spark call a table that is not there, or whose first commit never happened.
_ABSENT = ("PATH_NOT_FOUND", "DELTA_TABLE_NOT_FOUND", "DELTA_MISSING_DELTA_TABLE")
_EXISTS = ("DELTA_PATH_EXISTS",)
_NO_VERSION = ("DELTA_VERSION_NOT_FOUND",)
# Delta would keep the smallest and largest ids and values of every file in its log, where no
# erasure reaches; these tables are read whole.
_NO_STATISTICS = {"delta.dataSkippingNumIndexedCols": "0"}
# Operation → the count of the rows that it removed.
_ERASES = {"DELETE": "numDeletedRows", "MERGE": "numTargetRowsDeleted"}
_PAST_RETENTION = ("DELTA_UNSUPPORTED_TIME_TRAVEL_BEYOND_DELETED_FILE_RETENTION_DURATION",)


class TableAbsent(RuntimeError):
    """There is no Delta table at the path; says which job creates it."""

    exit_code = 4

    def for_stream(self, name: str) -> "TableAbsent":
        """The same with the scenario that the job at the message's end needs."""
        text = str(self)
        return TableAbsent(text if "--scenario" in text else f"{text} --scenario {name}")


class VersionAbsent(RuntimeError):
    """The table has no such version; names those that it has."""

    exit_code = 4


class PastRetention(RuntimeError):
    """The version's files may be gone: it is older than the table's retention."""

    exit_code = 4


class TableExists(RuntimeError):
    """Somebody else has created a table at the path."""

    exit_code = 4


@dataclass(frozen=True, kw_only=True)
class DeltaPlace:
    """Where the tables of `scenario` are; `retention_days` of history stay readable."""

    root: str
    scenario: str
    retention_days: int

    def path(self, *names: str) -> str:
        """The folder of a table, for example `path("events")`."""
        return "/".join([self.root.rstrip("/"), self.scenario, *names])

    @property
    def properties(self) -> Mapping[str, str]:
        """Table properties that keep every version readable for `retention_days`."""
        interval = f"interval {self.retention_days} days"
        names = ("delta.logRetentionDuration", "delta.deletedFileRetentionDuration")
        return dict.fromkeys(names, interval)


@dataclass(frozen=True, kw_only=True)
class Commit:
    """One version of a table: what was done, when (UTC), what the writer noted, Delta's counts."""

    version: int
    operation: str
    at: datetime
    note: str | None
    counts: Mapping[str, str] = field(default_factory=dict)


def sql_name(path: str) -> str:
    """The table at `path` as SQL names it, whatever the path holds."""
    return f"delta.`{path.replace('`', '``')}`"


def read_table(
    spark: SparkSession, path: str, *, made_by: str, version: int | None = None
) -> DataFrame:
    """The table at `path` as it is now, or at integer `version`.

    made_by: the job that creates it, named when it is missing. Raises `TableAbsent` (also for a
    folder that a killed job left before its first commit), `VersionAbsent`, `PastRetention`.
    """
    reader = spark.read.format("delta")
    if version is not None:
        reader = reader.option("versionAsOf", version)
    try:
        return reader.load(path)
    except AnalysisException as error:
        raise _named(error, path, made_by) from None


def commits(
    spark: SparkSession, path: str, *, made_by: str, limit: int | None = None
) -> list[Commit]:
    """The versions of the table at `path` that its log still holds, newest first.

    limit: at most so many; without it the whole log is read, which takes seconds after a day of
    commits every ten seconds.
    """
    from delta.tables import DeltaTable

    try:
        history = DeltaTable.forPath(spark, path).history(limit)
        # A collected timestamp would be in the driver's own zone, and not say so.
        rows = history.withColumn("at_ms", F.unix_millis("timestamp")).collect()
    except AnalysisException as error:
        raise _named(error, path, made_by) from None
    return [
        Commit(
            version=row["version"],
            operation=row["operation"],
            at=datetime.fromtimestamp(row["at_ms"] / 1000, UTC),
            note=row["userMetadata"],
            counts=row["operationMetrics"] or {},
        )
        for row in rows
    ]


def rows_erased(commit: Commit) -> int:
    """How many rows a commit took out of a table on purpose; 0 for commits of other kinds."""
    if commit.operation not in _ERASES:
        return 0
    return int(commit.counts.get(_ERASES[commit.operation], 0))


def newest_version(spark: SparkSession, path: str, *, made_by: str) -> int:
    """The integer version of the table at `path` as it is now; raises `TableAbsent`."""
    from delta.tables import DeltaTable

    try:
        return int(DeltaTable.forPath(spark, path).history(1).collect()[0]["version"])
    except AnalysisException as error:
        raise _named(error, path, made_by) from None


def is_table(spark: SparkSession, path: str) -> bool:
    """Whether a Delta table with at least one commit is at `path`."""
    from delta.tables import DeltaTable

    return bool(DeltaTable.isDeltaTable(spark, path))


def write_new_table(frame: DataFrame, path: str, *, place: DeltaPlace, note: str) -> int:
    """Write `frame` as a new table at `path` in one commit, and return its version, 0.

    All or nothing: a killed job leaves no table. `note` stays with the commit. Raises
    `TableExists`.
    """
    writer: Any = frame.write.format("delta").mode("errorifexists").option("userMetadata", note)
    try:
        writer.options(**place.properties, **_NO_STATISTICS).save(path)
    except AnalysisException as error:
        raise _named(error, path, "") from None
    return 0


def _named(error: AnalysisException, path: str, made_by: str) -> Exception:
    condition = error.getCondition() or ""
    sentence = str(error).partition("] ")[2].split(" SQLSTATE")[0].splitlines()[0]
    if condition in _ABSENT:
        return TableAbsent(f"there is no Delta table at {path}: run ./spark-submit.sh {made_by}")
    if condition in _EXISTS:
        return TableExists(f"there is a table at {path} already")
    if condition in _NO_VERSION:
        return VersionAbsent(f"{path}: {sentence}")
    if condition in _PAST_RETENTION:
        return PastRetention(f"{path}: {sentence} Its files may have been removed.")
    return error
