"""The deployment record before a training and after a lost control table."""

from pyspark.sql import SparkSession

from scenarios.contract.scenario import Scenario
from stores.delta.archived_control import newest_deployment
from stores.delta.tables import DeltaPlace
from stores.hbase.connection import HBaseStore, Session
from stores.records.control import read_control
from stores.records.deployments import (
    Deployment,
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
