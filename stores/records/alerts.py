"""Open alerts: a cell per subject in the control table, until all channels know that it is over."""

import hashlib
from dataclasses import dataclass
from typing import Any

import msgspec

from stores.hbase.connection import Session
from stores.hbase.tables import CONTROL


class OpenAlert(msgspec.Struct, frozen=True, kw_only=True):
    """One alert.

    subject    what it is about; an alert of the same subject is the same alert
    severity   page: somebody must act now; warning: in working hours
    evidence, runbook   links
    is_over    whether what it is about has ended; it is removed once all channels know
    sent_to    channels that know its present state
    """

    scenario: str
    subject: str
    severity: str
    title: str
    sentence: str
    since_ms: int
    evidence: str
    runbook: str
    is_over: bool = False
    sent_to: tuple[str, ...] = ()


@dataclass(frozen=True)
class AlertTable:
    """The alerts of `scenario` in the control table."""

    session: Session
    scenario: str

    def all(self) -> list[OpenAlert]:
        """All of them, the oldest first."""

        def get(connection: Any) -> Any:
            return connection.table(CONTROL).row(self._row)

        cells = self.session.call(get)
        alerts = [msgspec.json.decode(cell, type=OpenAlert) for cell in cells.values()]
        return sorted(alerts, key=lambda alert: (alert.since_ms, alert.subject))

    def write(self, alert: OpenAlert) -> None:
        """Store `alert` in place of an earlier one of its subject; idempotent."""
        cell = {self._column(alert): msgspec.json.encode(alert)}

        def put(connection: Any) -> None:
            connection.table(CONTROL).put(self._row, cell)

        self.session.call(put)

    def remove(self, alert: OpenAlert) -> None:
        """Remove the alert of this subject; idempotent."""

        def delete(connection: Any) -> None:
            connection.table(CONTROL).delete(self._row, columns=[self._column(alert)])

        self.session.call(delete)

    @property
    def _row(self) -> bytes:
        return f"{self.scenario}:alerts".encode()

    @staticmethod
    def _column(alert: OpenAlert) -> bytes:
        digest = hashlib.blake2b(alert.subject.encode(), digest_size=8).hexdigest()
        return f"c:{digest}".encode()
