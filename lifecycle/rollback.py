"""Bring the previous champion back."""

from pathlib import Path

from lifecycle.changes import Change, rolled_back
from lifecycle.promotion import Log, check_loadable, write_change
from models.registry.tracking import TrackingPlace
from scenarios.contract.scenario import Scenario
from stores.hbase.connection import Session
from stores.records.deployments import Deployment, deployment_cell, deployment_of


def rollback(
    session: Session,
    scenario: Scenario,
    change: Change,
    *,
    registry: TrackingPlace,
    cache_dir: Path,
    log: Log,
    dry_run: bool = False,
) -> Deployment:
    """The previous version decides again; workers switch within about two seconds.

    It is fetched, hashed and tried first, so that no worker meets a version it cannot load. Raises
    `ChangeRefused`, `VersionRetired` or `DeploymentChanged`; then nothing was written. The registry
    need not answer.
    """
    cell = deployment_cell(session, scenario.name)
    after = rolled_back(deployment_of(cell), scenario, change)
    check_loadable(after.champion, scenario, cache_dir=cache_dir)
    if dry_run:
        return after
    return write_change(session, cell, after, registry=registry, log=log)
