"""Promote a version: refused unless its gates passed or a person overrides them by name."""

import getpass
import socket
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from lifecycle.changes import Change, ChangeRefused
from lifecycle.gate_report import GateReport
from models.errors import ModelUnusable
from models.registry.fetching import load_fetched
from models.registry.roles import set_aliases, set_version_tags
from models.registry.tracking import TrackingPlace
from models.registry.versions import SHA256_TAG, TrainedVersion, card_of
from scenarios.contract.deployable import check_definitions, check_model
from scenarios.contract.scenario import Scenario
from stores.hbase.connection import Session
from stores.records.deployments import (
    Deployment,
    ModelPointer,
    replace_deployment,
)

Log = Callable[[str], None]


class GatesFailed(RuntimeError):
    """The version did not pass, and nobody overrode it; nothing was deployed."""

    exit_code = 4


class OverrideIncomplete(ValueError):
    """An override needs a name and a reason."""

    exit_code = 2


def person() -> str:
    """user@host, as the deployment record has it."""
    return f"{getpass.getuser()}@{socket.gethostname()}"


def now_text(now: datetime | None = None) -> str:
    """UTC, ISO 8601, to the millisecond."""
    return (now or datetime.now(UTC)).isoformat(timespec="milliseconds")


def pointer_of(version: TrainedVersion) -> ModelPointer:
    """Where a registered version lies."""
    return ModelPointer(
        name=version.name,
        version=version.version,
        artifact_uri=version.artifact_uri,
        sha256=version.sha256,
    )


def check_override(*, overrides: bool, by: str, reason: str) -> None:
    """Raise `OverrideIncomplete` unless an override names a person and a reason."""
    if overrides and not (by.strip() and reason.strip()):
        raise OverrideIncomplete(
            "--override needs --by NAME and --reason TEXT: both stand in the deployment's history"
        )


def check_gates(report: GateReport) -> None:
    """Raise `GatesFailed` unless every gate passed or was overridden, as the report says."""
    never = report.never_overridden
    if not report.failed or (report.override_by and not never):
        return
    failed = ", ".join(report.words.get(name, name) for name in report.failed)
    help_words = (
        f"no override helps against {', '.join(never)}: train or import the version again"
        if never
        else "train a better one, or promote it all the same: ./spark-submit.sh promote_model "
        f"--scenario {report.scenario} --version {report.version} --override --by NAME "
        "--reason TEXT"
    )
    raise GatesFailed(
        f"{report.name} version {report.version} was not promoted, it failed: {failed}; "
        f"{help_words}"
    )


def write_change(
    session: Session,
    cell: bytes | None,
    after: Deployment,
    *,
    registry: TrackingPlace,
    log: Log,
) -> Deployment:
    """Write `after` where `cell` stands, dated now; then let the registry's aliases follow.

    A registry that is away leaves aliases behind, which the next change sets right; the log says
    so. Raises `DeploymentChanged` or `VersionRetired`, then nothing was written.
    """
    # The moment of the write: the history answers by it which version scored when.
    written = replace_deployment(session, cell, replace(after, deployed_at=now_text()))
    versions = {role: pointer.version for role, pointer in written.pointers.items()}
    try:
        set_aliases(registry, written.scenario, versions)
    except Exception as error:  # each store of MLflow raises its own
        log(f"warning: the aliases in MLflow are not up to date: {type(error).__name__}: {error}")
    return written


def tag_version(
    registry: TrackingPlace, version: TrainedVersion, scenario: Scenario, *, cache_dir: Path
) -> None:
    """Give the version its tags: snapshot, definitions, digest, owner, purpose, limits of use."""
    card = card_of(version, cache_dir=cache_dir)
    snapshot = f"{card.snapshot.path}@{card.snapshot.version}" if card.snapshot else ""
    tags = {
        "everscore.snapshot": snapshot,
        "everscore.definitions": card.definitions_digest,
        SHA256_TAG: version.sha256,
        "everscore.owner": card.owner,
        "everscore.purpose": card.purpose or scenario.title,
        "everscore.limits": card.limits,
    }
    set_version_tags(registry, version, tags)


def check_loadable(pointer: ModelPointer, scenario: Scenario, *, cache_dir: Path) -> None:
    """Fetch, hash and load the version as a worker does, and judge trial rows by it.

    Raises `ChangeRefused` when any of it fails.
    """
    try:
        model = load_fetched(
            pointer.artifact_uri,
            cache_dir,
            name=pointer.name,
            version=pointer.version,
            sha256=pointer.sha256,
            available_features=scenario.feature_names,
        )
        check_definitions(scenario, model)
        check_model(scenario, model, scenario.policy.thresholds())
    except ModelUnusable as error:
        raise ChangeRefused(
            f"{pointer.name} version {pointer.version} cannot score: {error}"
        ) from error


def override_notes(report: GateReport) -> dict[str, str]:
    """What the deployment's notes record of an override; nothing without one."""
    if not report.override_by or not report.failed:
        return {}
    return {
        "override_by": report.override_by,
        "override_reason": report.override_reason,
        "gates_failed": ", ".join(report.failed),
    }


def change_now(*, by: str = "", reason: str, evidence: str = "", **notes: str) -> Change:
    """A change by the person who runs the job; `by` is whom they act for, if it is another."""
    who = f"{by} ({person()})" if by else person()
    return Change(by=who, at=now_text(), reason=reason, evidence=evidence, notes=notes)
