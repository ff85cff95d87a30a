"""Actions are done in order, each with its record, and finished once after a crash."""

import pytest
from msgspec.structs import replace

from monitoring.actions.carrying_out import carry_out
from stores.records.decisions import DecisionChanged, DecisionRecord
from tests.support.period_reports import MemoryDecisions, ScriptedActions

DECIDED = DecisionRecord(
    scenario="tiny",
    period=3,
    rule="quality_low",
    version="1",
    decided_at_ms=1_000,
    decided_by="test",
    sentence="auroc is low",
    actions=("alert", "build_snapshot", "retrain", "promote_champion"),
    champion_before="1",
)


def stored() -> MemoryDecisions:
    decisions = MemoryDecisions()
    assert decisions.add(DECIDED)
    return decisions


def test_all_actions_are_done_in_order_with_their_results() -> None:
    decisions, actions = stored(), ScriptedActions()
    after = carry_out(DECIDED, actions, decisions, clock_ms=lambda: 5_000)
    assert actions.calls == list(DECIDED.actions)
    assert (after.state, after.champion_before, after.champion_after) == ("done", "1", "2")
    assert [result.version for result in after.results] == ["", "", "2", "2"]
    assert decisions.all() == [after]
    assert carry_out(after, actions, decisions, clock_ms=lambda: 6_000) == after
    assert len(actions.calls) == 4


def test_the_first_failure_ends_the_decision() -> None:
    decisions, actions = stored(), ScriptedActions(codes={"retrain": 1})
    after = carry_out(DECIDED, actions, decisions, clock_ms=lambda: 5_000)
    assert actions.calls == ["alert", "build_snapshot", "retrain"]
    assert (after.state, after.champion_after, after.finished_at_ms) == ("failed", "1", 5_000)
    assert after.results[-1].lines == ("last line",)
    assert after.actions_left == ()


def test_a_crash_between_actions_is_finished_once() -> None:
    decisions, actions = stored(), ScriptedActions(dies_at="retrain")
    with pytest.raises(KeyboardInterrupt):
        carry_out(DECIDED, actions, decisions, clock_ms=lambda: 5_000)
    (half,) = decisions.all()
    assert (half.state, half.actions_left) == ("decided", ("retrain", "promote_champion"))
    actions.dies_at = ""
    after = carry_out(half, actions, decisions, clock_ms=lambda: 6_000)
    assert actions.calls == list(DECIDED.actions)
    assert after.state == "done"


def test_a_record_that_another_process_changed_is_left_alone() -> None:
    decisions = stored()
    decisions.records[DECIDED.key] = replace(DECIDED, decided_by="another")
    with pytest.raises(DecisionChanged):
        carry_out(DECIDED, ScriptedActions(), decisions, clock_ms=lambda: 5_000)
