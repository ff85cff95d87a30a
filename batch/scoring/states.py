"""Every entity's newest state as a Delta table, read from HBase by many tasks at once."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import pyarrow as pa
from pyspark.sql import DataFrame, SparkSession

from batch.scoring.run_tables import RunTables
from stores.delta.tables import write_new_table
from stores.hbase.connection import HBaseStore, Session
from stores.hbase.states import StateTable
from stores.records.erasures import ErasedEntities, Erasure

STATE_COLUMNS = "entity string, position bigint, cell binary"
_ARROW = pa.schema([("entity", pa.string()), ("position", pa.int64()), ("cell", pa.binary())])
PREFIXES = 256
# Files of 12 MB: enough tasks to share and to see progress by, each of them worth its start.
_STATES_PER_FILE = 100_000


@dataclass(frozen=True)
class ScanTask:
    """Reads the newest states of the row-key prefixes in its rows.

    erased: whose states from before their erasure are left out, should any have come back
    """

    store: HBaseStore
    scenario: str
    retry_seconds: float
    erased: ErasedEntities = field(default_factory=ErasedEntities)

    def __call__(self, batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        """Column id (a prefix, 0 to 255) to columns entity, position, cell."""
        session = Session(self.store, self.retry_seconds)
        table = StateTable(session, self.scenario)
        try:
            for batch in batches:
                for prefix in batch.column("id").to_pylist():
                    for page in table.newest_of_prefix(prefix):
                        yield self._batch(page)
        finally:
            session.close()

    def _batch(self, page: list[tuple[str, int, bytes]]) -> pa.RecordBatch:
        erased = self.erased.among(state[0] for state in page)
        rows = [state for state in page if not _is_old(erased.get(state[0]), state[1])]
        columns: list[Any] = list(zip(*rows, strict=True)) or [[], [], []]
        return pa.RecordBatch.from_arrays(
            [pa.array(c, f.type) for c, f in zip(columns, _ARROW, strict=True)], schema=_ARROW
        )


def _is_old(erasure: Erasure | None, position: int) -> bool:
    """Whether a state at stamp `position` is one from before its entity's erasure."""
    if erasure is None:
        return False
    return position < min(map(erasure.first_stamp, erasure.first_offsets or {0: 0}))


def newest_states(spark: SparkSession, task: ScanTask, *, tasks: int) -> DataFrame:
    """entity, position (the timestamp of the state's cell) and cell of every entity in HBase.

    Read by `tasks` Spark tasks. Each state is the newest when its prefix is read; a stream may go
    on meanwhile.
    """
    prefixes = spark.range(0, PREFIXES, 1, numPartitions=tasks)
    return prefixes.mapInArrow(task, STATE_COLUMNS)


def write_states(states: DataFrame, tables: RunTables, *, count: int, note: str) -> None:
    """Write `states` as the run's own table, ordered by position; raises `TableExists`.

    States that were written together lie together: publishing needs one call for each position.
    """
    files = max(states.sparkSession.sparkContext.defaultParallelism, count // _STATES_PER_FILE)
    ordered = states.repartitionByRange(files, "position", "entity")
    ordered = ordered.sortWithinPartitions("position", "entity")
    write_new_table(ordered, tables.states, place=tables.place, note=note)
