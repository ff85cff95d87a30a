"""What a deployment becomes by a promotion, rollback, withdrawal or retirement; no effects here."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Literal

from scenarios.contract.scenario import Scenario
from stores.records.deployments import Deployment, ModelPointer

Role = Literal["champion", "challenger", "shadow"]


class ChangeRefused(RuntimeError):
    """The deployment cannot be changed like that; the message says why and what to run."""

    exit_code = 4


@dataclass(frozen=True, kw_only=True)
class Change:
    """Who changes the deployment, when (UTC, ISO 8601), why, and on which evidence."""

    by: str
    at: str
    reason: str
    evidence: str = ""
    notes: Mapping[str, str] = field(default_factory=dict)


def with_champion(
    current: Deployment | None, pointer: ModelPointer, scenario: Scenario, change: Change
) -> Deployment:
    """`pointer` decides, by the policy's own thresholds; the champion before it is `previous`.

    Challenger and shadow stay, unless they are the new champion. Raises `ChangeRefused` when it is
    the champion already.
    """
    after = Deployment(
        scenario=scenario.name,
        champion=pointer,
        thresholds=scenario.policy.thresholds(),
        policy_version=scenario.policy.version,
        deployed_at="",
        deployed_by="",
    )
    if current is not None:
        if current.champion == pointer and not _needs_update(current, scenario):
            raise ChangeRefused(
                f"{pointer.name} version {pointer.version} is the champion of {scenario.name} "
                f"already, since {current.deployed_at}: nothing was written"
            )
        previous = current.previous if current.champion == pointer else current.champion
        after = replace(
            current,
            champion=pointer,
            previous=previous,
            thresholds=after.thresholds,
            policy_version=after.policy_version,
        )
        for role in ("challenger", "shadow"):
            if getattr(after, role) == pointer:
                after = after.without(role)
    return _noted(after, change)


def with_other(
    current: Deployment | None,
    pointer: ModelPointer,
    change: Change,
    *,
    role: Role,
    share: float,
    experiment: str,
) -> Deployment:
    """`pointer` as challenger or shadow for `share` of the entities or events.

    experiment: empty = the current one when it is as before, else an id of role, version and day.
    Raises `ChangeRefused` without a champion, for the champion itself, and for a share outside
    (0, 1].
    """
    name = f"{pointer.name} version {pointer.version}"
    if current is None:
        raise ChangeRefused(f"{name} cannot be {role}: there is no champion beside which it runs")
    if pointer == current.champion:
        raise ChangeRefused(f"{name} cannot be {role}: it is the champion")
    if not 0.0 < share <= 1.0:
        raise ChangeRefused(f"the share is {share}, expected one above 0 and at most 1")
    is_same = getattr(current, role) == pointer
    new_id = f"{role}-{pointer.version}-{change.at[:10]}"
    after = current
    for other in ("challenger", "shadow"):
        if other != role and getattr(current, other) == pointer:
            after = after.without(other)
    chosen_id = experiment or (current.experiment if is_same else "") or new_id
    if role == "challenger":
        after = replace(after, challenger=pointer, challenger_share=share)
    else:
        after = replace(after, shadow=pointer, shadow_share=share)
    return _noted(replace(after, experiment=chosen_id), change)


def rolled_back(current: Deployment | None, scenario: Scenario, change: Change) -> Deployment:
    """The previous champion decides again, and the two change places.

    Raises `ChangeRefused` when there is none, or it is retired.
    """
    if current is None or current.previous is None:
        raise ChangeRefused(
            f"{scenario.name} has no champion before the current one to roll back to: "
            f"./spark-submit.sh promote_model --scenario {scenario.name} --version N"
        )
    previous = current.previous
    if previous.version in current.retired:
        raise ChangeRefused(
            f"{previous.name} version {previous.version} is retired: promote another one with "
            f"./spark-submit.sh promote_model --scenario {scenario.name} --version N"
        )
    return with_champion(current, previous, scenario, change)


def without_role(current: Deployment | None, change: Change, *, role: Role) -> Deployment:
    """The deployment without its challenger or shadow; raises `ChangeRefused` when it has none."""
    if current is None or getattr(current, role) is None:
        scenario = "the scenario" if current is None else current.scenario
        raise ChangeRefused(f"{scenario} has no {role}: nothing was written")
    return _noted(current.without(role), change)


def with_thresholds(
    current: Deployment | None, thresholds: Mapping[str, float], scenario: Scenario, change: Change
) -> Deployment:
    """The same versions decide by other thresholds, until the next promotion or rollback.

    Raises `ChangeRefused` without a champion and when nothing would change, `PolicyError` for
    thresholds that leave a case open.
    """
    if current is None:
        raise ChangeRefused(
            f"{scenario.name} has no champion whose thresholds could change: "
            f"./spark-submit.sh promote_model --scenario {scenario.name} --version N"
        )
    scenario.policy.check_thresholds(thresholds)
    if dict(current.thresholds) == dict(thresholds):
        raise ChangeRefused(f"the thresholds of {scenario.name} are {dict(thresholds)} already")
    return _noted(replace(current, thresholds=dict(thresholds)), change)


def with_retired(current: Deployment, version: str, change: Change) -> Deployment:
    """The deployment with `version` among those that may never score again.

    Raises `ChangeRefused` while it is the champion, challenger, shadow or previous version.
    """
    roles = [role for role, pointer in current.pointers.items() if pointer.version == version]
    if roles:
        raise ChangeRefused(
            f"version {version} of {current.scenario} is its {' and '.join(roles)} and cannot be "
            "retired: promote another version first (a previous one leaves with the promotion "
            f"after it), or ./spark-submit.sh withdraw_model --scenario {current.scenario}"
        )
    if version in current.retired:
        raise ChangeRefused(f"version {version} of {current.scenario} is retired already")
    return _noted(replace(current, retired=(*current.retired, version)), change)


def what_changed(before: Deployment | None, after: Deployment) -> str:
    """The change in words, such as "champion 3 → 4"."""
    words = []
    for role in ("champion", "challenger", "shadow"):
        old = getattr(before, role) if before is not None else None
        new = getattr(after, role)
        if old != new:
            words.append(f"{role} {_version(old)} → {_version(new)}")
    retired = [v for v in after.retired if before is None or v not in before.retired]
    words += [f"retired {version}" for version in retired]
    return ", ".join(words) or "shares, thresholds or policy"


def _version(pointer: ModelPointer | None) -> str:
    return "none" if pointer is None else pointer.version


def _needs_update(current: Deployment, scenario: Scenario) -> bool:
    """Whether the policy has changed since: then the same champion is worth deploying again."""
    return (
        current.policy_version != scenario.policy.version
        or dict(current.thresholds) != scenario.policy.thresholds()
    )


def _noted(deployment: Deployment, change: Change) -> Deployment:
    return replace(
        deployment,
        deployed_at=change.at,
        deployed_by=change.by,
        reason=change.reason,
        evidence=change.evidence,
        notes=dict(change.notes),
    )
