"""The history of a scenario's deployments: who, when, why, what, and which version scored when."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from pyspark.sql import SparkSession

from lifecycle.changes import what_changed
from stores.delta.archived_control import archived_deployments
from stores.delta.tables import DeltaPlace
from stores.hbase.connection import Session
from stores.records.deployments import Deployment, past_deployments

# A worker asks once a second, and finishes the batch that it is at. The other way round, an event
# that arrived shortly before a change may be scored after it.
SWITCH_SECONDS = 2.0


class NotInHistory(LookupError):
    """No deployment is known for that time."""

    exit_code = 4


@dataclass(frozen=True, kw_only=True)
class HistoryEntry:
    """One change; times UTC, ISO 8601."""

    number: int
    at: str
    by: str
    change: str
    champion: str
    challenger: str
    shadow: str
    previous: str
    experiment: str
    reason: str
    evidence: str


@dataclass(frozen=True, kw_only=True)
class ScoredThen:
    """Which champion scored at a time; `other` is the version that may have scored as well.

    The time is that of the prediction (`kafka_time` in the archive). A prediction's `scored_at` is
    when its event arrived: one that waited longer is scored by the champion of its turn.

    since  when it was deployed; until: when the next one was, empty if there is none
    """

    at: str
    version: str
    number: int
    since: str
    until: str
    other: str

    @property
    def sentence(self) -> str:
        """The answer for people."""
        until = f"until {self.until}" if self.until else "still the champion"
        words = f"version {self.version} scored at {self.at}: deployed {self.since}, {until}"
        if not self.other:
            return words
        return (
            f"{words}; within {SWITCH_SECONDS:g} s of a change version {self.other} may have "
            "scored as well, each prediction names its version"
        )


def is_complete(deployments: Sequence[Deployment]) -> bool:
    """Whether the numbers run from 1 without a gap: else the archive knows more."""
    numbers = [deployment.number for deployment in deployments]
    return numbers == list(range(1, len(numbers) + 1))


def all_deployments(
    session: Session, scenario: str, *, archive: tuple[SparkSession, DeltaPlace] | None = None
) -> list[Deployment]:
    """Every change that the control table, or the archive when it is given, knows, oldest first.

    Numbers begin again when the control table was lost before the archive had copied a change;
    times do not.
    """
    deployments = list(past_deployments(session, scenario))
    if archive is not None:
        spark, place = archive
        deployments += [
            archived
            for archived in archived_deployments(spark, place)
            if archived not in deployments
        ]
    return sorted(deployments, key=lambda deployment: (moment(deployment), deployment.number))


def entries(deployments: Sequence[Deployment]) -> list[HistoryEntry]:
    """The changes as rows of a table, oldest first."""
    before: Deployment | None = None
    rows = []
    for deployment in deployments:
        versions = {role: pointer.version for role, pointer in deployment.pointers.items()}
        rows.append(
            HistoryEntry(
                number=deployment.number,
                at=deployment.deployed_at,
                by=deployment.deployed_by,
                change=what_changed(before, deployment),
                champion=deployment.champion.version,
                challenger=versions.get("challenger", ""),
                shadow=versions.get("shadow", ""),
                previous=versions.get("previous", ""),
                experiment=deployment.experiment,
                reason=deployment.reason,
                evidence=deployment.evidence,
            )
        )
        before = deployment
    return rows


def scored_at(deployments: Sequence[Deployment], at: datetime) -> ScoredThen:
    """The champion at `at`; deployments oldest first. Raises `NotInHistory` before the first."""
    earlier = [position for position, d in enumerate(deployments) if moment(d) <= at]
    if not earlier:
        first = deployments[0].deployed_at if deployments else "none is known"
        raise NotInHistory(f"nothing was deployed at {at.isoformat()} yet; the first: {first}")
    position = earlier[-1]
    deployment = deployments[position]
    recent = [d for d in deployments[:position] if _is_switching(deployments, d, at)]
    others = [d.champion.version for d in recent if d.champion != deployment.champion]
    changed = _champion_since(deployments, position)
    later = [d for d in deployments[position + 1 :] if d.champion != deployment.champion]
    soon = timedelta(seconds=SWITCH_SECONDS)
    others += [d.champion.version for d in later if moment(d) - at <= soon]
    return ScoredThen(
        at=at.isoformat(),
        version=deployment.champion.version,
        number=deployment.number,
        since=changed.deployed_at,
        until=later[0].deployed_at if later else "",
        other=" or ".join(dict.fromkeys(others)),
    )


def moment(deployment: Deployment) -> datetime:
    """When it was written, UTC."""
    at = datetime.fromisoformat(deployment.deployed_at)
    return at if at.tzinfo else at.replace(tzinfo=UTC)


def _is_switching(deployments: Sequence[Deployment], deployment: Deployment, at: datetime) -> bool:
    """Whether a worker may still score with `deployment` at `at`, because its successor is new."""
    successor = deployments[deployments.index(deployment) + 1]
    return at - moment(successor) <= timedelta(seconds=SWITCH_SECONDS)


def _champion_since(deployments: Sequence[Deployment], position: int) -> Deployment:
    """The change by which the champion at `position` came."""
    champion = deployments[position].champion
    while position and deployments[position - 1].champion == champion:
        position -= 1
    return deployments[position]
