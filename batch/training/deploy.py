"""Point a scenario's deployment record at a newly trained model version."""

import getpass
import socket

from pyspark.sql import SparkSession

from batch.training.register import Stored
from scenarios.contract.scenario import Scenario
from stores.delta.archived_control import newest_deployment
from stores.delta.tables import DeltaPlace
from stores.hbase.connection import HBaseStore, Session
from stores.records.control import read_control
from stores.records.deployments import (
    Deployment,
    ModelPointer,
    read_deployment,
    write_deployment,
)


def require_control_table(store: HBaseStore, scenario: Scenario) -> None:
    """Return when a deployment record could be written.

    Raises `TableMissing` or `StoreDown`; checked before training, not after it.
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


def restored_deployment(store: HBaseStore, spark: SparkSession, place: DeltaPlace) -> str:
    """Write the archive's newest deployment where the control table has none; says what it did."""
    current = read_deployment(store, place.scenario)
    if current is not None:
        return f"deployed is {_named(current)}, as before"
    archived = newest_deployment(spark, place)
    if archived is None:
        return (
            "no deployment is left, neither in the control table nor in the archive: run "
            f"./spark-submit.sh train_model --scenario {place.scenario}"
        )
    write_deployment(store, archived)
    return f"deployed again is {_named(archived)}, as the archive noted it last"


def _named(deployment: Deployment) -> str:
    return f"{deployment.champion.name} version {deployment.champion.version}"
