"""What a worker reads once a second: the deployment and the epoch, in one call."""

from dataclasses import dataclass
from typing import Any

import msgspec

from stores.hbase.connection import Session
from stores.hbase.tables import CONTROL

DEPLOYMENT = b"c:deployment"
LAST_GOOD = b"c:last_good"
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
    """The control row's cells as bytes; None where there is none.

    deployment_at: HBase's own timestamp of the deployment, which grows with every new one.
    """

    deployment: bytes | None
    epoch: bytes | None
    deployment_at: int = 0


def read_control(session: Session, scenario: str) -> ControlCells:
    """Deployment and epoch of `scenario` in one read."""

    def get(connection: Any) -> Any:
        columns = [DEPLOYMENT, EPOCH]
        table = connection.table(CONTROL)
        return table.row(scenario.encode(), columns=columns, include_timestamp=True)

    cells = session.call(get)
    deployment, at = cells.get(DEPLOYMENT, (None, 0))
    epoch, _ = cells.get(EPOCH, (None, 0))
    return ControlCells(deployment, epoch, at)


def write_last_good(session: Session, scenario: str, cells: ControlCells) -> None:
    """Store the deployment in `cells`, which a worker has begun to score with.

    It is stored at its own timestamp: a worker that is late never replaces a newer one.
    """

    def put(connection: Any) -> None:
        cell = {LAST_GOOD: cells.deployment}
        connection.table(CONTROL).put(scenario.encode(), cell, timestamp=cells.deployment_at)

    session.call(put)


def read_last_good(session: Session, scenario: str) -> bytes | None:
    """The newest deployment that any worker has scored with; None when there is none."""

    def get(connection: Any) -> Any:
        return connection.table(CONTROL).row(scenario.encode(), columns=[LAST_GOOD])

    cell: bytes | None = session.call(get).get(LAST_GOOD)
    return cell


def report_load_failure(session: Session, scenario: str, failure: LoadFailure) -> None:
    """Store the failure and count it."""
    cell, row = msgspec.json.encode(failure), scenario.encode()

    def put(connection: Any) -> None:
        table = connection.table(CONTROL)
        table.put(row, {LOAD_FAILURE: cell})
        table.counter_inc(row, LOAD_FAILURES)

    session.call(put)


def load_failures(session: Session, scenario: str) -> tuple[int, LoadFailure | None]:
    """How many loads failed since the scenario was created, and the most recent one."""

    def get(connection: Any) -> Any:
        table = connection.table(CONTROL)
        row = scenario.encode()
        return table.counter_get(row, LOAD_FAILURES), table.row(row, columns=[LOAD_FAILURE])

    count, cells = session.call(get)
    cell = cells.get(LOAD_FAILURE)
    return count, None if cell is None else msgspec.json.decode(cell, type=LoadFailure)
