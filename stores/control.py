"""What a worker asks about once a second: the deployment and the epoch, in one read."""

from dataclasses import dataclass
from typing import Any

import msgspec

from stores.connection import Session
from stores.tables import CONTROL

DEPLOYMENT = b"c:deployment"
EPOCH = b"c:epoch"
LOAD_FAILURE = b"c:load_failure"
LOAD_FAILURES = b"c:load_failures"


class LoadFailure(msgspec.Struct, frozen=True, kw_only=True):
    """The most recent failure to load a model version; the previous one kept scoring."""

    version: str
    message: str
    at_ms: int


@dataclass(frozen=True)
class ControlCells:
    """The control row's cells as bytes; None where there is none."""

    deployment: bytes | None
    epoch: bytes | None


def read_control(session: Session, scenario: str) -> ControlCells:
    """Deployment and epoch of `scenario` in one read."""

    def get(connection: Any) -> Any:
        return connection.table(CONTROL).row(scenario.encode(), columns=[DEPLOYMENT, EPOCH])

    cells = session.call(get)
    return ControlCells(cells.get(DEPLOYMENT), cells.get(EPOCH))


def report_load_failure(session: Session, scenario: str, failure: LoadFailure) -> None:
    """Store the failure and count it."""
    cell, row = msgspec.json.encode(failure), scenario.encode()

    def put(connection: Any) -> None:
        table = connection.table(CONTROL)
        table.put(row, {LOAD_FAILURE: cell})
        table.counter_inc(row, LOAD_FAILURES)

    session.call(put)


def load_failures(session: Session, scenario: str) -> tuple[int, LoadFailure | None]:
    """How many loads failed since the scenario was made, and the most recent one."""

    def get(connection: Any) -> Any:
        table = connection.table(CONTROL)
        row = scenario.encode()
        return table.counter_get(row, LOAD_FAILURES), table.row(row, columns=[LOAD_FAILURE])

    count, cells = session.call(get)
    cell = cells.get(LOAD_FAILURE)
    return count, None if cell is None else msgspec.json.decode(cell, type=LoadFailure)
