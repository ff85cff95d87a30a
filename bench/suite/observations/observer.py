"""Watches a system's rows from outside and notes when each step of each partition was done."""

import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass

from bench.suite.observations.progress import Progress
from stores.hbase.connection import HBaseStore, Session
from stores.hbase.shown_positions import shown_positions

# Three rows per partition, twenty times a second: under a hundredth of what HBase can do.
_LOOK_EVERY_SECONDS = 0.05
_RETRY_SECONDS = 60.0


@dataclass
class Observer:
    """A thread that reads a few rows of `table` until `progress` is done.

    It is the same for every system, whatever the system reports of itself.
    """

    store: HBaseStore
    table: str
    progress: Progress

    def __post_init__(self) -> None:
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="observer", daemon=True)

    def start(self) -> None:
        """Begin to watch."""
        self._thread.start()

    def stop(self) -> None:
        """Stop and wait for the thread."""
        self._stop.set()
        self._thread.join(timeout=_RETRY_SECONDS)

    @property
    def is_watching(self) -> bool:
        """False when its thread has ended, at the end or with an error."""
        return self._thread.is_alive()

    def _run(self) -> None:
        session = Session(self.store, retry_seconds=_RETRY_SECONDS)
        try:
            while not self.progress.is_done and not self._stop.is_set():
                # A quick system has done several steps since the last look.
                while self._advanced(session):
                    pass
                self._stop.wait(_LOOK_EVERY_SECONDS)
        finally:
            session.close()

    def _advanced(self, session: Session) -> bool:
        customers = self.progress.next_customers()
        shown = session.call(lambda connection: self._shown(connection, customers))
        return self.progress.take(shown, at_seconds=time.monotonic())

    def _shown(self, connection: object, customers: Sequence[str]) -> dict[str, int]:
        positions = shown_positions(connection, self.table, customers)
        return {customer: source.offset for customer, source in positions.items()}
