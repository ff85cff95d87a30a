"""What a deployment becomes by each change, and which changes are refused."""

from dataclasses import replace

import pytest

from lifecycle.changes import (
    Change,
    ChangeRefused,
    rolled_back,
    what_changed,
    with_champion,
    with_other,
    with_retired,
    without_role,
)
from stores.records.deployments import Deployment, ModelPointer
from tests.scenarios.tiny import SCENARIO

CHANGE = Change(by="ada@host", at="2026-11-28T12:00:00.000+00:00", reason="why", evidence="report")


def version(number: int) -> ModelPointer:
    return ModelPointer(
        name="everscore-tiny", version=f"{number}", artifact_uri=f"/m/{number}", sha256=f"{number}"
    )


def deployed(number: int = 1) -> Deployment:
    return with_champion(None, version(number), SCENARIO, CHANGE)


def test_a_promotion_remembers_the_champion_before_and_who_did_it_why() -> None:
    after = with_champion(deployed(1), version(2), SCENARIO, CHANGE)
    assert (after.champion, after.previous) == (version(2), version(1))
    assert (after.deployed_by, after.reason, after.evidence) == ("ada@host", "why", "report")
    assert after.thresholds == SCENARIO.policy.thresholds()
    assert what_changed(deployed(1), after) == "champion 1 → 2"


def test_a_promoted_challenger_is_no_challenger_any_more_and_the_shadow_stays() -> None:
    both = with_other(
        deployed(1), version(2), CHANGE, role="challenger", share=0.2, experiment="e1"
    )
    both = with_other(both, version(3), CHANGE, role="shadow", share=0.5, experiment="e1")
    after = with_champion(both, version(2), SCENARIO, CHANGE)
    assert (after.challenger, after.challenger_share) == (None, 0.0)
    assert (after.shadow, after.shadow_share, after.experiment) == (version(3), 0.5, "e1")
    last = with_champion(after, version(3), SCENARIO, CHANGE)
    assert (last.shadow, last.experiment) == (None, "")


def test_a_new_challenger_begins_a_new_experiment_and_a_new_share_does_not() -> None:
    first = with_other(deployed(1), version(2), CHANGE, role="challenger", share=0.1, experiment="")
    assert first.experiment == "challenger-2-2026-11-28"
    named = replace(first, experiment="autumn")
    more = with_other(named, version(2), CHANGE, role="challenger", share=0.4, experiment="")
    assert (more.experiment, more.challenger_share) == ("autumn", 0.4)
    other = with_other(named, version(3), CHANGE, role="challenger", share=0.4, experiment="")
    assert other.experiment == "challenger-3-2026-11-28"


@pytest.mark.parametrize("share", [0.0, -0.1, 1.1, float("nan")])
def test_a_share_that_is_none_is_refused(share: float) -> None:
    with pytest.raises(ChangeRefused, match="share"):
        with_other(deployed(1), version(2), CHANGE, role="shadow", share=share, experiment="")


def test_a_challenger_without_a_champion_or_equal_to_it_is_refused() -> None:
    with pytest.raises(ChangeRefused, match="no champion"):
        with_other(None, version(2), CHANGE, role="challenger", share=0.1, experiment="")
    with pytest.raises(ChangeRefused, match="it is the champion"):
        with_other(deployed(1), version(1), CHANGE, role="challenger", share=0.1, experiment="")


def test_the_same_champion_again_is_refused_unless_the_policy_changed() -> None:
    with pytest.raises(ChangeRefused, match="already"):
        with_champion(deployed(1), version(1), SCENARIO, CHANGE)
    older = replace(deployed(1), policy_version="before", previous=version(7))
    after = with_champion(older, version(1), SCENARIO, CHANGE)
    assert (after.policy_version, after.previous) == (SCENARIO.policy.version, version(7))


def test_a_rollback_and_another_one_change_places() -> None:
    second = with_champion(deployed(1), version(2), SCENARIO, CHANGE)
    back = rolled_back(second, SCENARIO, CHANGE)
    assert (back.champion, back.previous) == (version(1), version(2))
    assert rolled_back(back, SCENARIO, CHANGE).champion == version(2)


def test_a_rollback_without_a_previous_or_to_a_retired_version_is_refused() -> None:
    for nothing in (None, deployed(1)):
        with pytest.raises(ChangeRefused, match="no champion before"):
            rolled_back(nothing, SCENARIO, CHANGE)
    second = with_champion(deployed(1), version(2), SCENARIO, CHANGE)
    with pytest.raises(ChangeRefused, match="version 1 is retired"):
        rolled_back(replace(second, retired=("1",)), SCENARIO, CHANGE)


def test_only_a_version_without_a_role_can_be_retired_once() -> None:
    current = with_champion(deployed(1), version(2), SCENARIO, CHANGE)
    current = with_other(current, version(3), CHANGE, role="shadow", share=0.1, experiment="")
    for number, role in ((2, "champion"), (1, "previous"), (3, "shadow")):
        with pytest.raises(ChangeRefused, match=f"is its {role}"):
            with_retired(current, f"{number}", CHANGE)
    after = with_retired(current, "4", CHANGE)
    assert after.retired == ("4",)
    assert what_changed(current, after) == "retired 4"
    with pytest.raises(ChangeRefused, match="retired already"):
        with_retired(after, "4", CHANGE)


def test_a_withdrawal_ends_the_experiment_with_its_last_version() -> None:
    both = with_other(deployed(1), version(2), CHANGE, role="challenger", share=0.2, experiment="e")
    both = with_other(both, version(3), CHANGE, role="shadow", share=0.5, experiment="e")
    one = without_role(both, CHANGE, role="challenger")
    assert (one.challenger, one.challenger_share, one.experiment) == (None, 0.0, "e")
    assert without_role(one, CHANGE, role="shadow").experiment == ""
    with pytest.raises(ChangeRefused, match="no challenger"):
        without_role(one, CHANGE, role="challenger")
