"""Spark's query in real-time mode, with the calls that everything around a query makes.

Spark itself reports nothing before a batch's end, an hour later: how far the stream has come is
read from the markers of its frames.
"""

import json
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from stores.hbase.connection import HBaseStore, Session, StoreDown
from stores.hbase.states import StateTable
from stores.records.epochs import EpochRecord
from streaming.real_time.bridge import ready_tasks, running_tasks

_POLL_SECONDS = 0.05


@dataclass
class RealTimeQuery:
    """Spark's `query` over the events of `record`, whose frames are in `store`.

    finish_seconds   that frames under way may take to end when the query is stopped
    """

    spark: Any
    query: Any
    store: HBaseStore
    scenario: str
    record: EpochRecord
    finish_seconds: float = 20.0
    _reached: dict[int, int] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """Its name."""
        return str(self.query.name)

    @property
    def isActive(self) -> bool:
        """Whether it runs."""
        return bool(self.query.isActive)

    @property
    def status(self) -> Mapping[str, bool]:
        """Never within a batch that a stop has to wait for: a stop ends the frames by itself."""
        return {"isTriggerActive": True, "isDataAvailable": False}

    @property
    def lastProgress(self) -> Mapping[str, Any]:
        """Where the newest frames end, in the form of Spark's progress."""
        self._look()
        ends = {str(partition): end for partition, end in self._reached.items()}
        return {"sources": [{"endOffset": json.dumps({self.record.topic: ends})}]}

    def wait_until_ready(self, *, seconds: float) -> None:
        """Return when the workers of all partitions can score, or the query has ended.

        At most after `seconds`; only where they are in this JVM.
        """
        deadline = time.monotonic() + seconds
        while ready_tasks(self.spark) < len(self.record.first_offsets):
            if not self.isActive or time.monotonic() > deadline:
                return
            time.sleep(_POLL_SECONDS)

    def exception(self) -> object | None:
        """Why it ended."""
        failure: object | None = self.query.exception()
        return failure

    def stop(self) -> None:
        """Stop it; its tasks end their frames first, those in this JVM are waited for."""
        deadline = time.monotonic() + self.finish_seconds
        try:
            self.query.stop()
        finally:  # Spark gives up sooner than a frame that waits for HBase
            while running_tasks(self.spark) and time.monotonic() < deadline:
                time.sleep(_POLL_SECONDS)

    def _look(self) -> None:
        session = Session(self.store, retry_seconds=0.0)
        try:
            table = StateTable(session, self.scenario)
            for partition in self.record.first_offsets:
                marker = table.newest_marker(partition)
                if marker is not None and marker.epoch == self.record.epoch:
                    self._reached[partition] = marker.offset + 1
        except StoreDown:
            return  # as far as it was known
        finally:
            session.close()
