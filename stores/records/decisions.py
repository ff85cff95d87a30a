"""What monitoring's rules decided for a scenario, why, and what became of it.

One cell per period and rule in the control table, written by compare-and-set: the same period
decided twice is one decision. A decision whose actions were not finished, because a process died
between record and action, is finished by the next run; what is done stands in the record.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import msgspec

from stores.hbase.compare_and_set import compare_and_set
from stores.hbase.connection import Session
from stores.hbase.tables import CONTROL

State = Literal["decided", "done", "failed"]

AUTOMATION_ENDED = "automation_ended"
AUTOMATION_RESUMED = "automation_resumed"
RESERVED = (AUTOMATION_ENDED, AUTOMATION_RESUMED)


class DecisionChanged(RuntimeError):
    """Another process changed the decision meanwhile; nothing was written."""

    exit_code = 4


class Figure(msgspec.Struct, frozen=True, kw_only=True):
    """A figure that a decision rests on: a measurement or an alarm of one period.

    what       metric and part of a measurement, kind and subject of an alarm
    value, low, high   the figure with its interval; None: none
    bound      what it was compared with
    labels, predictions   of a measurement
    is_violation   whether the period violates the rule by it
    """

    period: int
    what: str
    value: float | None
    bound: float
    is_violation: bool
    low: float | None = None
    high: float | None = None
    labels: int = 0
    predictions: int = 0
    sentence: str = ""


class ActionResult(msgspec.Struct, frozen=True, kw_only=True):
    """What became of one action.

    exit_code  of the job that did it, 0: done; version: that it made or deployed, "" if none
    lines      the last ones that it printed
    """

    action: str
    exit_code: int
    finished_at_ms: int
    version: str = ""
    lines: tuple[str, ...] = ()


class DecisionRecord(msgspec.Struct, frozen=True, kw_only=True):
    """One decision.

    period     number of the period that caused it; with `rule` its key
    version    that made most predictions of the period
    champion_before, champion_after   deployed when it was decided and when its actions were done;
               "" if none
    decided_by user@host, or the name of a person who resumes automation
    state      decided: actions are left; failed: one of them did, and the rest was left out
    """

    scenario: str
    period: int
    rule: str
    version: str
    decided_at_ms: int
    decided_by: str
    sentence: str
    actions: tuple[str, ...]
    evidence: tuple[Figure, ...] = ()
    state: State = "decided"
    results: tuple[ActionResult, ...] = ()
    champion_before: str = ""
    champion_after: str = ""
    finished_at_ms: int = 0

    @property
    def key(self) -> tuple[int, str]:
        """Period and rule."""
        return self.period, self.rule

    @property
    def actions_left(self) -> tuple[str, ...]:
        """What was not done yet, in order."""
        return self.actions[len(self.results) :] if self.state == "decided" else ()


@dataclass(frozen=True)
class DecisionTable:
    """The decisions of `scenario` in the control table."""

    session: Session
    scenario: str

    def all(self) -> list[DecisionRecord]:
        """All of them, by period and time."""

        def get(connection: Any) -> Any:
            return connection.table(CONTROL).row(self._row)

        cells = self.session.call(get)
        records = [msgspec.json.decode(cell, type=DecisionRecord) for cell in cells.values()]
        return sorted(records, key=lambda record: (record.period, record.decided_at_ms))

    def add(self, record: DecisionRecord) -> bool:
        """Write a new decision; False: the period was decided by this rule before."""
        cell = msgspec.json.encode(record)
        is_written = self._swap(record, before=None, after=cell)
        return is_written or self._cell(record) == cell  # a repeated call finds its own work

    def replace(self, before: DecisionRecord, after: DecisionRecord) -> DecisionRecord:
        """Write `after` where `before` stands, and return it; raises `DecisionChanged`."""
        cell = msgspec.json.encode(after)
        is_written = self._swap(after, before=msgspec.json.encode(before), after=cell)
        if not is_written and self._cell(after) != cell:
            raise DecisionChanged(
                f"the decision of rule {after.rule} for period {after.period} of {self.scenario} "
                "was changed by another process meanwhile: run monitor again"
            )
        return after

    def _swap(self, record: DecisionRecord, *, before: bytes | None, after: bytes) -> bool:
        column = self._column(record)
        return compare_and_set(self.session, CONTROL, self._row, column, before=before, after=after)

    def _cell(self, record: DecisionRecord) -> bytes | None:
        column = self._column(record)

        def get(connection: Any) -> Any:
            return connection.table(CONTROL).row(self._row, columns=[column])

        cell: bytes | None = self.session.call(get).get(column)
        return cell

    @property
    def _row(self) -> bytes:
        return f"{self.scenario}:decisions".encode()

    @staticmethod
    def _column(record: DecisionRecord) -> bytes:
        return f"c:{record.period:08d}:{record.rule}".encode()


def is_automation_ended(records: Sequence[DecisionRecord]) -> bool:
    """Whether a person must resume before a rule may change the deployment again."""
    switches = [record for record in records if record.rule in RESERVED]
    newest = max(switches, key=lambda record: record.decided_at_ms, default=None)
    return newest is not None and newest.rule == AUTOMATION_ENDED
