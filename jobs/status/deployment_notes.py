"""Notes on a deployment: challenger, shadow, the last good version, and what does not fit."""

from scenarios.contract.policy import PolicyError
from scenarios.contract.scenario import Scenario
from stores.hbase.connection import Session
from stores.records.control import read_last_good
from stores.records.deployments import Deployment, ModelPointer, deployment_of
from streaming.scoring.withdrawal import STREAM_WORKER


def deployment_notes(
    session: Session, scenario: Scenario, deployment: Deployment | None
) -> list[str]:
    """Lines for `show_status`; none while everything is as it should be."""
    lines = []
    if deployment is not None:
        lines += _compared(deployment)
    try:
        good = deployment_of(read_last_good(session, scenario.name))
    except ValueError as error:
        lines.append(f"last good version: its cell cannot be read: {error}")
        good = None
    if good is not None and (deployment is None or good.champion != deployment.champion):
        newest = (
            "none is deployed" if deployment is None else "no worker scores with the newest yet"
        )
        lines.append(f"last good version: {_name(good.champion)} ({newest})")
    if deployment is not None:
        lines += _misfits(scenario, deployment)
    return lines


def _compared(deployment: Deployment) -> list[str]:
    """What runs beside the champion, or why it no longer does."""
    lines, name = [], f" (experiment {deployment.experiment})" if deployment.experiment else ""
    if deployment.challenger is not None:
        share = f"{deployment.challenger_share:.1%} of the entities"
        lines.append(f"challenger: {_name(deployment.challenger)}, for {share}{name}")
    if deployment.shadow is not None:
        share = f"{deployment.shadow_share:.1%} of the events"
        lines.append(f"shadow: {_name(deployment.shadow)}, for {share}{name}")
    if deployment.deployed_by == STREAM_WORKER:
        lines.append(f"{deployment.reason} (by the stream itself, {deployment.deployed_at})")
    return lines


def _misfits(scenario: Scenario, deployment: Deployment) -> list[str]:
    lines = []
    now = scenario.policy.version
    if deployment.policy_version != now:
        lines.append(
            f"deployed for policy {deployment.policy_version}, this code has {now}: bands are cut "
            "by the deployment's thresholds, actions follow this code"
        )
    try:
        scenario.policy.check_thresholds(deployment.thresholds)
    except PolicyError as error:
        lines.append(f"the deployment does not fit: {error}")
    return lines


def _name(pointer: ModelPointer) -> str:
    return f"{pointer.name} version {pointer.version}"
