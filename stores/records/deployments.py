"""The deployment record: which model versions score a scenario, and by which thresholds.

Changed by compare-and-set only: of two people who change it at the same time the second is refused.
Each change has a number, and all of them are stored in the control table, one cell each.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import msgspec

from stores.hbase.compare_and_set import compare_and_set
from stores.hbase.connection import HBaseStore, Session
from stores.hbase.tables import CONTROL
from stores.records.control import DEPLOYMENT


class VersionRetired(RuntimeError):
    """A retired version is to score again; nothing was written."""

    exit_code = 4


class DeploymentChanged(RuntimeError):
    """Somebody else changed the deployment meanwhile; nothing was written."""

    exit_code = 4


@dataclass(frozen=True, kw_only=True)
class ModelPointer:
    """Where a model version lies: a folder (URI) and the SHA-256 over its files."""

    name: str
    version: str
    artifact_uri: str
    sha256: str


@dataclass(frozen=True, kw_only=True)
class Deployment:
    """What scores a scenario now.

    challenger_share  share of the entities for which the challenger decides
    shadow_share      share of the events that the shadow scores as well
    experiment        id of the comparison that challenger or shadow take part in; it salts which
                      entities and events that are
    previous          the champion before this one, which a rollback deploys again
    number            1, 2, … of the changes of this scenario; 0 before it is written
    reason, evidence  why it was changed, and where the report lies on which that rests
    retired           versions that no later deployment of the scenario may name
    deployed_at       UTC, ISO 8601; deployed_by: user@host
    """

    scenario: str
    champion: ModelPointer
    thresholds: Mapping[str, float]
    policy_version: str
    deployed_at: str
    deployed_by: str
    challenger: ModelPointer | None = None
    challenger_share: float = 0.0
    shadow: ModelPointer | None = None
    shadow_share: float = 0.0
    experiment: str = ""
    previous: ModelPointer | None = None
    number: int = 0
    reason: str = ""
    evidence: str = ""
    retired: tuple[str, ...] = ()
    notes: Mapping[str, str] = field(default_factory=dict)

    @property
    def pointers(self) -> Mapping[str, ModelPointer]:
        """Role → version: champion, challenger, shadow and previous, as far as there are any."""
        roles = {
            "champion": self.champion,
            "challenger": self.challenger,
            "shadow": self.shadow,
            "previous": self.previous,
        }
        return {role: pointer for role, pointer in roles.items() if pointer is not None}

    def without(self, role: str) -> "Deployment":
        """The same without its challenger or shadow; without either there is no experiment."""
        if role == "challenger":
            after = replace(self, challenger=None, challenger_share=0.0)
        else:
            after = replace(self, shadow=None, shadow_share=0.0)
        is_compared = after.challenger is not None or after.shadow is not None
        return after if is_compared else replace(after, experiment="")


def read_deployment(store: HBaseStore, scenario: str) -> Deployment | None:
    """The current record of `scenario`, or None before the first deployment."""
    with store.open() as connection:
        cell = (
            connection.table(CONTROL).row(scenario.encode(), columns=[DEPLOYMENT]).get(DEPLOYMENT)
        )
    return deployment_of(cell)


def deployment_of(cell: bytes | None) -> Deployment | None:
    """The record in a cell as it was read."""
    return None if cell is None else msgspec.json.decode(cell, type=Deployment)


def deployment_cell(session: Session, scenario: str) -> bytes | None:
    """The current record as it is stored, for `replace_deployment`; None before the first."""

    def get(connection: Any) -> Any:
        return connection.table(CONTROL).row(scenario.encode(), columns=[DEPLOYMENT])

    cell: bytes | None = session.call(get).get(DEPLOYMENT)
    return cell


def replace_deployment(session: Session, before: bytes | None, after: Deployment) -> Deployment:
    """Write `after` where `before` stands, numbered; workers notice within a second.

    before: what `deployment_cell` gave; what is retired there stays so. Returns what was written.
    Raises `DeploymentChanged` when something else stands there now, `VersionRetired` when `after`
    would let a retired version score, `StoreDown` or `TableMissing`.
    """
    current = deployment_of(before)
    number = max(1, after.number) if current is None else current.number + 1
    numbered = replace(after, number=number, retired=_retired(current, after))
    row, cell = after.scenario.encode(), msgspec.json.encode(numbered)
    if current is not None:
        _write_history(session, current)  # its own writer may have died before it could
    is_written = compare_and_set(session, CONTROL, row, DEPLOYMENT, before=before, after=cell)
    if not is_written:
        stored = deployment_cell(session, after.scenario)
        if stored != cell:  # else the call was repeated and found its own work
            raise _changed(after.scenario, stored)
    _write_history(session, numbered)
    return numbered


def write_deployment(store: HBaseStore, deployment: Deployment) -> Deployment:
    """Point the scenario at `deployment`, whatever it points at now; see `replace_deployment`."""
    session = Session(store, retry_seconds=0.0)
    try:
        before = deployment_cell(session, deployment.scenario)
        return replace_deployment(session, before, deployment)
    finally:
        session.close()


def past_deployments(session: Session, scenario: str) -> Sequence[Deployment]:
    """All changes that the control table knows, by number, the current one last."""

    def get(connection: Any) -> Any:
        return connection.table(CONTROL).row(_history_row(scenario))

    cells = session.call(get)
    deployments = [msgspec.json.decode(cell, type=Deployment) for cell in cells.values()]
    current = deployment_of(deployment_cell(session, scenario))
    if current is not None and current.number not in {past.number for past in deployments}:
        deployments.append(current)
    return sorted(deployments, key=lambda past: past.number)


def _retired(current: Deployment | None, after: Deployment) -> tuple[str, ...]:
    """All retired versions; raises `VersionRetired` when one of them would score."""
    earlier = () if current is None else current.retired
    retired = tuple(dict.fromkeys((*earlier, *after.retired)))
    for role, pointer in after.pointers.items():
        if pointer.version in retired:
            raise VersionRetired(
                f"{pointer.name} version {pointer.version} is retired and cannot be the {role} of "
                f"{after.scenario}: name another one (./spark-submit.sh deployment_history "
                f"--scenario {after.scenario} shows when it was retired)"
            )
    return retired


def _write_history(session: Session, deployment: Deployment) -> None:
    column = f"c:{deployment.number:08d}".encode()
    cell = msgspec.json.encode(deployment)

    def put(connection: Any) -> None:
        connection.table(CONTROL).put(_history_row(deployment.scenario), {column: cell})

    session.call(put)


def _history_row(scenario: str) -> bytes:
    return f"{scenario}:deployments".encode()


def _changed(scenario: str, stored: bytes | None) -> DeploymentChanged:
    current = deployment_of(stored)
    if current is None:
        return DeploymentChanged(f"the deployment of {scenario} is gone meanwhile")
    return DeploymentChanged(
        f"{current.deployed_by} deployed {current.champion.name} version "
        f"{current.champion.version} at {current.deployed_at}, after you had read the deployment "
        f"of {scenario}; nothing was written: look at ./spark-submit.sh show_status --scenario "
        f"{scenario} and run your command again"
    )
