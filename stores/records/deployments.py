"""The deployment record: which model versions score a scenario, and by which thresholds."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import msgspec

from stores.hbase.connection import HBaseStore
from stores.hbase.tables import CONTROL
from stores.records.control import DEPLOYMENT


@dataclass(frozen=True, kw_only=True)
class ModelPointer:
    """Where a model version lies: a folder (URI) and the SHA-256 over its files."""

    name: str
    version: str
    artifact_uri: str
    sha256: str


@dataclass(frozen=True, kw_only=True)
class Deployment:
    """What scores a scenario now; `challenger_share` of the entities go to the challenger."""

    scenario: str
    champion: ModelPointer
    thresholds: Mapping[str, float]
    policy_version: str
    deployed_at: str
    deployed_by: str
    challenger: ModelPointer | None = None
    challenger_share: float = 0.0
    notes: Mapping[str, str] = field(default_factory=dict)


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


def write_deployment(store: HBaseStore, deployment: Deployment) -> None:
    """Point the scenario at `deployment`; workers notice within a second."""
    cell: Any = msgspec.json.encode(deployment)
    with store.open() as connection:
        connection.table(CONTROL).put(deployment.scenario.encode(), {DEPLOYMENT: cell})
