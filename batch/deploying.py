"""Point a scenario's deployment record at a newly trained model version."""

import getpass
import socket

from batch.storing import Stored
from scenarios.scenario import Scenario
from stores.connection import HBaseStore, Session
from stores.control import read_control
from stores.deployments import Deployment, ModelPointer, write_deployment


def require_control_table(store: HBaseStore, scenario: Scenario) -> None:
    """Return when a deployment record could be written.

    Raises `TableMissing` or `StoreDown`; asked before training, not after it.
    """
    session = Session(store, retry_seconds=0.0)
    try:
        read_control(session, scenario.name)
    finally:
        session.close()


def deploy(store: HBaseStore, scenario: Scenario, stored: Stored, *, deployed_at: str) -> None:
    """Make `stored` the champion with the policy's own thresholds; a challenger is withdrawn.

    `deployed_at` is UTC, ISO 8601. Workers notice within a second. Raises `StoreDown`.
    """
    model = stored.model
    deployment = Deployment(
        scenario=scenario.name,
        champion=ModelPointer(
            name=model.name,
            version=model.version,
            artifact_uri=model.artifact_uri,
            sha256=stored.sha256,
        ),
        thresholds=scenario.policy.thresholds(),
        policy_version=scenario.policy.version,
        deployed_at=deployed_at,
        deployed_by=f"{getpass.getuser()}@{socket.gethostname()}",
        notes={"run_id": model.run_id},
    )
    write_deployment(store, deployment)
