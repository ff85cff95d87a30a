"""The expert loop's state: in memory, and from time to time in SQLite together with the offset.

One file per partition. A checkpoint writes the customers that changed since the last one and the
offset to go on from in a single transaction, after the rows and results were acknowledged. So after
a kill each partition goes on with the state it had at that offset: every state ends up exact, rows
are written again (for a moment older ones over newer ones), results are repeated. A lost disk
loses the state; the loop then begins at the topic's beginning. Two machines cannot share it.
"""

import sqlite3
import time
from pathlib import Path

from bench.peers.windows import Payments

CHECKPOINT_SECONDS = 5.0
_SCHEMA = """
CREATE TABLE IF NOT EXISTS state (customer TEXT PRIMARY KEY, payments BLOB) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS position (only_row INTEGER PRIMARY KEY, next_offset INTEGER);
"""


class PartitionState:
    """Customers of one partition; `next_offset` is None when there is no checkpoint yet."""

    def __init__(self, folder: Path, *, topic: str, partition: int) -> None:
        self._database = sqlite3.connect(folder / f"{topic}-{partition}.sqlite3")
        # WAL without fsync: survives the death of the process, not of the machine.
        self._database.execute("PRAGMA journal_mode=WAL")
        self._database.execute("PRAGMA synchronous=OFF")
        self._database.executescript(_SCHEMA)
        stored = self._database.execute("SELECT customer, payments FROM state")
        self._customers = {name: Payments.from_bytes(payments) for name, payments in stored}
        row = self._database.execute("SELECT next_offset FROM position").fetchone()
        self.next_offset: int | None = row[0] if row else None
        self._changed: set[str] = set()
        self._written_at = time.monotonic()

    def payments_of(self, customer: str) -> Payments:
        """The customer's payments, about to be changed."""
        self._changed.add(customer)
        payments = self._customers.get(customer)
        if payments is None:
            payments = self._customers[customer] = Payments()
        return payments

    def checkpoint(self, *, when_due: float = 0.0) -> None:
        """Write what changed, unless the last checkpoint is younger than `when_due` seconds."""
        if time.monotonic() - self._written_at < when_due or self.next_offset is None:
            return
        changed = [(customer, self._customers[customer].to_bytes()) for customer in self._changed]
        with self._database:
            self._database.executemany("REPLACE INTO state VALUES (?, ?)", changed)
            self._database.execute("REPLACE INTO position VALUES (0, ?)", (self.next_offset,))
        self._changed.clear()
        self._written_at = time.monotonic()

    def close(self) -> None:
        """Write the last checkpoint and close the file."""
        self.checkpoint()
        self._database.close()
