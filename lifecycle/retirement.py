"""Retire a version: it makes no new scores; audits of its old predictions still work."""

from lifecycle.changes import Change, ChangeRefused, with_retired
from lifecycle.promotion import Log, write_change
from models.registry.roles import aliases, mark_retired, unmark_retired
from models.registry.tracking import TrackingPlace
from models.registry.versions import TrainedVersion, check_not_retired
from stores.hbase.connection import Session
from stores.records.control import read_last_good
from stores.records.deployments import Deployment, deployment_cell, deployment_of


def retire(
    session: Session,
    scenario: str,
    version: TrainedVersion,
    change: Change,
    *,
    registry: TrackingPlace,
    log: Log,
    dry_run: bool = False,
) -> Deployment | None:
    """Mark the version in the registry and in the deployment record, or refuse.

    Refused while an alias, the deployment, or the last good deployment of the workers names it. The
    mark is set before the record is replaced: a promotion that has read the record before is then
    refused, one that reads it afterwards sees the version among the retired. Raises
    `ChangeRefused`, `RetiredModel` or `DeploymentChanged`; then the mark is taken back. None: the
    scenario has no deployment yet.
    """
    check_not_retired(version)
    cell = deployment_cell(session, scenario)
    current = deployment_of(cell)
    after = None if current is None else with_retired(current, version.version, change)
    _check_unused(session, scenario, version, registry)
    if dry_run:
        return after
    mark_retired(registry, version, f"{change.at}, {change.by}: {change.reason}")
    if after is None:
        return None
    try:
        return write_change(session, cell, after, registry=registry, log=log)
    except Exception:
        unmark_retired(registry, version)
        raise


def _check_unused(
    session: Session, scenario: str, version: TrainedVersion, registry: TrackingPlace
) -> None:
    names = [name for name, at in aliases(registry, scenario).items() if at == version.version]
    if names:
        raise ChangeRefused(
            f"{version.name} version {version.version} has the alias {' and '.join(names)} in "
            "MLflow and cannot be retired: promote another version, or take the alias away"
        )
    good = deployment_of(read_last_good(session, scenario))
    if good is not None and good.champion.version == version.version:
        raise ChangeRefused(
            f"{version.name} version {version.version} is what workers scored with last, and what "
            "they fall back to: start score_stream with the current deployment first"
        )
