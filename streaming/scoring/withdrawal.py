"""A challenger or a shadow taken out of the deployment record by the stream itself."""

from dataclasses import replace
from datetime import UTC, datetime

from stores.hbase.connection import Session
from stores.records.deployments import (
    Deployment,
    DeploymentChanged,
    ModelPointer,
    deployment_cell,
    deployment_of,
    replace_deployment,
)

STREAM_WORKER = "stream worker"
_ATTEMPTS = 3


def withdraw(session: Session, scenario: str, role: str, pointer: ModelPointer, reason: str) -> str:
    """Take `pointer` out of the record as challenger or shadow; says what became of it.

    Nothing else of the record changes. When it no longer has that version in that role, nothing is
    written; when somebody changes it at the same time, it is read again.
    """
    for _ in range(_ATTEMPTS):
        cell = deployment_cell(session, scenario)
        deployment = deployment_of(cell)
        if deployment is None or deployment.pointers.get(role) != pointer:
            return "the deployment no longer has it"
        try:
            written = replace_deployment(session, cell, _without(deployment, role, reason))
        except DeploymentChanged:
            continue
        return f"deployment {written.number} is without it"
    return "others change the deployment all the time; it scores no events of this worker"


def _without(deployment: Deployment, role: str, reason: str) -> Deployment:
    return replace(
        deployment.without(role),
        deployed_at=datetime.now(UTC).isoformat(timespec="milliseconds"),
        deployed_by=STREAM_WORKER,
        reason=reason,
        evidence="",
    )
