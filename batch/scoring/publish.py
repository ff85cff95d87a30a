"""A run's rows into HBase, each at the position of the state it was computed from."""

from collections import deque
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from itertools import pairwise
from queue import SimpleQueue

import numpy as np
import pyarrow as pa
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from stores.hbase.connection import HBaseStore, Session
from stores.hbase.states import StateTable

_WRITTEN = "rows bigint"
_ROWS_PER_CALL = 1000
# A call waits for HBase most of its time; what is measured is in the decision on batch scoring.
_CONNECTIONS = 4
_CALLS_AHEAD = 3 * _CONNECTIONS

Rows = list[tuple[str, bytes]]


@dataclass(frozen=True)
class PublishTask:
    """Writes rows to `p:latest` at their own positions, over several connections at once.

    A timestamp is that of a whole call, so neighbours of one position share one. An event scored
    meanwhile stands at a later position, and HBase shows the latest: nothing newer is overwritten.
    """

    store: HBaseStore
    scenario: str
    retry_seconds: float
    connections: int = _CONNECTIONS

    def __call__(self, batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        """Columns entity, position, document to the number of rows written."""
        with _Writers(self) as writers:
            for batch in batches:
                for position, rows in runs_of(batch):
                    writers.write(rows, position)
                yield pa.RecordBatch.from_arrays([pa.array([batch.num_rows])], names=["rows"])


def runs_of(batch: pa.RecordBatch) -> Iterator[tuple[int, Rows]]:
    """Neighbouring rows of one position, at most 1,000 together."""
    positions = batch.column("position").to_numpy()
    entities = batch.column("entity").to_pylist()
    documents = batch.column("document").to_pylist()
    edges = [0, *(np.flatnonzero(np.diff(positions)) + 1).tolist(), len(positions)]
    for begin, end in pairwise(edges):
        for first in range(begin, end, _ROWS_PER_CALL):
            last = min(first + _ROWS_PER_CALL, end)
            pairs = list(zip(entities[first:last], documents[first:last], strict=True))
            yield int(positions[first]), pairs


def published(rows: DataFrame, task: PublishTask) -> int:
    """Write `rows` and return how many; the same call again leaves the same cells."""
    counts = rows.select("entity", "position", "document").mapInArrow(task, _WRITTEN)
    total = counts.agg(F.sum("rows")).first()
    return int(total[0] or 0) if total else 0


@dataclass
class _Writers:
    """Threads with a connection each; few calls wait, so memory stays bounded."""

    task: PublishTask
    _pending: deque[Future[None]] = field(default_factory=deque)
    _sessions: SimpleQueue[Session] = field(default_factory=SimpleQueue)

    def __enter__(self) -> "_Writers":
        self._pool = ThreadPoolExecutor(self.task.connections, thread_name_prefix="publish")
        for _ in range(self.task.connections):
            self._sessions.put(Session(self.task.store, self.task.retry_seconds))
        return self

    def write(self, rows: Rows, position: int) -> None:
        """Have `rows` written; raises what an earlier call raised."""
        self._pending.append(self._pool.submit(self._call, rows, position))
        if len(self._pending) > _CALLS_AHEAD:
            self._pending.popleft().result()

    def _call(self, rows: Rows, position: int) -> None:
        session = self._sessions.get()  # as many sessions as threads: never waits
        try:
            StateTable(session, self.task.scenario).write_latest(rows, position=position)
        finally:
            self._sessions.put(session)

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        try:
            while self._pending and kind is None:
                self._pending.popleft().result()
        finally:
            self._pool.shutdown(cancel_futures=True)
            while not self._sessions.empty():
                self._sessions.get().close()
