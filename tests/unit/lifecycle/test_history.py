"""The history names the version that scored at a time, and says where two may have."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from lifecycle.history import NotInHistory, entries, is_complete, scored_at
from stores.records.deployments import Deployment, ModelPointer
from tests.support.tiny_model import tiny_deployment

NOON = datetime(2026, 11, 28, 12, tzinfo=UTC)


def deployment(number: int, version: int, minutes: float) -> Deployment:
    pointer = ModelPointer(
        name="everscore-tiny", version=f"{version}", artifact_uri="", sha256=f"{version}"
    )
    at = (NOON + timedelta(minutes=minutes)).isoformat(timespec="milliseconds")
    record = tiny_deployment(pointer)
    return replace(record, number=number, deployed_at=at, reason=f"reason {number}")


# Version 1, then 2, back to 1; the third changes only a reason.
HISTORY = [
    deployment(1, 1, 0),
    deployment(2, 2, 10),
    deployment(3, 2, 15),
    deployment(4, 1, 20),
]


@pytest.mark.parametrize(
    ("minutes", "version", "number"),
    [(0, "1", 1), (9.9, "1", 1), (12, "2", 2), (17, "2", 3), (99, "1", 4)],
)
def test_a_time_has_the_version_that_was_the_champion_then(
    minutes: float, version: str, number: int
) -> None:
    answer = scored_at(HISTORY, NOON + timedelta(minutes=minutes))
    assert (answer.version, answer.number, answer.other) == (version, number, "")


def test_within_two_seconds_of_a_change_both_versions_are_named() -> None:
    just_after = scored_at(HISTORY, NOON + timedelta(minutes=10, seconds=1.5))
    assert (just_after.version, just_after.other) == ("2", "1")
    assert "version 1 may have scored as well" in just_after.sentence
    assert scored_at(HISTORY, NOON + timedelta(minutes=10, seconds=2.5)).other == ""
    # What arrived just before it may have waited.
    just_before = scored_at(HISTORY, NOON + timedelta(minutes=10, seconds=-1.5))
    assert (just_before.version, just_before.other) == ("1", "2")
    # A change that kept the champion lets nobody else score.
    assert scored_at(HISTORY, NOON + timedelta(minutes=15, seconds=1)).other == ""


def test_since_and_until_are_those_of_the_champion_not_of_the_last_change() -> None:
    answer = scored_at(HISTORY, NOON + timedelta(minutes=17))
    assert answer.since == HISTORY[1].deployed_at
    assert answer.until == HISTORY[3].deployed_at
    assert scored_at(HISTORY, NOON + timedelta(minutes=99)).until == ""


def test_before_the_first_deployment_nothing_scored() -> None:
    with pytest.raises(NotInHistory, match=r"2026-11-28T12:00:00\.000"):
        scored_at(HISTORY, NOON - timedelta(seconds=1))
    with pytest.raises(NotInHistory, match="none is known"):
        scored_at([], NOON)


def test_the_table_says_from_what_to_what_and_why() -> None:
    rows = entries(HISTORY)
    assert [row.change for row in rows] == [
        "champion none → 1",
        "champion 1 → 2",
        "shares, thresholds or policy",
        "champion 2 → 1",
    ]
    assert rows[1].reason == "reason 2"


def test_a_gap_in_the_numbers_is_noticed() -> None:
    assert is_complete(HISTORY)
    assert not is_complete(HISTORY[1:])
    assert not is_complete([HISTORY[0], HISTORY[2]])
