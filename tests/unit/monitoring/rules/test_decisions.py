"""Which rules decide what, for which period, and when automation ends."""

from dataclasses import replace
from itertools import pairwise

import pytest
from msgspec.structs import replace as changed

from monitoring.period_report import AlarmKind, PeriodReport
from monitoring.rules.decisions import (
    ChampionChange,
    Decision,
    decisions,
    failed_in_a_row,
    is_answered,
)
from monitoring.rules.rule import OnAlarm, OnMeasurement, Rule, RuleUnclear, rules_of
from monitoring.rules.violations import violates, violations
from stores.records.decisions import AUTOMATION_ENDED, AUTOMATION_RESUMED, DecisionRecord
from tests.support.period_reports import WEEK_MS, drift_alarm, measured, report

RETRAIN = Rule(
    name="quality_low",
    on=OnMeasurement(metric="auroc", bound=0.6, min_labels=200),
    actions=("alert", "build_snapshot", "retrain", "promote_champion"),
)
TELL = Rule(name="drift", on=OnAlarm(kind="drift"), actions=("alert",))


def decided(
    reports: list[PeriodReport], *rules: Rule, past: list[DecisionRecord] | None = None
) -> list[Decision]:
    return decisions(reports, rules, past or [], failing_periods=3)


def done(decision: Decision, *, champion_after: str = "") -> DecisionRecord:
    """The decision carried out at the end of its period."""
    at_ms = (decision.period + 1) * WEEK_MS
    record = decision.record(at_ms=at_ms, by="test", champion=decision.version)
    after = champion_after or decision.version
    return changed(record, state="done", champion_after=after, finished_at_ms=at_ms)


def test_a_value_beyond_the_bound_decides_with_its_figures() -> None:
    (decision,) = decided([report(0, measured(0.8)), report(1, measured(0.55))], RETRAIN)
    assert (decision.period, decision.rule, decision.version) == (1, "quality_low", "1")
    assert decision.actions == RETRAIN.actions
    (figure,) = decision.evidence
    assert (figure.value, figure.bound, figure.is_violation) == (0.55, 0.6, True)
    assert (figure.labels, figure.predictions) == (1_000, 2_000)
    assert "mature auroc is 0.55 [0.53, 0.57]" in decision.sentence


@pytest.mark.parametrize(
    "measurement",
    [
        measured(0.6),
        measured(0.5, labels=199),
        measured(None),
        measured(0.5, maturity="partial"),
        measured(0.5, part="contract=monthly"),
        measured(0.5, metric="precision"),
    ],
)
def test_what_is_not_a_violation_decides_nothing(measurement: object) -> None:
    assert decided([report(0, measurement)], RETRAIN) == []  # type: ignore[arg-type]


def test_an_upper_bound_and_a_whole_interval() -> None:
    above = replace(
        RETRAIN, on=OnMeasurement(metric="brier", bound=0.2, is_above=True, whole_interval=True)
    )
    assert not violates(report(0, measured(0.21, metric="brier")), above)  # from 0.19 on
    assert violates(report(0, measured(0.23, metric="brier")), above)


def test_n_of_m_periods_with_the_latest_among_them() -> None:
    rule = replace(RETRAIN, n=2, m=3)
    values = {"bgb": True, "bbg": False, "gbb": True, "ggb": False, "bggb": False}
    for letters, is_violation in values.items():
        reports = [report(n, measured(0.5 if c == "b" else 0.8)) for n, c in enumerate(letters)]
        assert bool(violations(reports, [rule])) is is_violation, letters


def test_a_period_that_cannot_be_judged_is_not_among_the_periods() -> None:
    rule = replace(RETRAIN, n=2, m=2)
    reports = [report(0, measured(0.5)), report(1, measured(None)), report(2, measured(0.5))]
    (violation,) = violations(reports, [rule])
    assert [figure.period for figure in violation.figures] == [0, 2]


def test_the_latest_period_is_the_newest_mature_one() -> None:
    reports = [
        report(4, measured(0.5)),
        report(5, measured(0.9, maturity="estimated"), is_mature=False),
    ]
    (decision,) = decided(reports, RETRAIN)
    assert decision.period == 4


@pytest.mark.parametrize("kind", ["risk", "slice"])
def test_an_alarm_that_labels_raise_decides_although_newer_periods_have_no_labels_yet(
    kind: AlarmKind,
) -> None:
    rule = replace(RETRAIN, on=OnAlarm(kind=kind, only_harm=True))
    bad = changed(drift_alarm("brier"), kind=kind, harm=True)
    waiting = [report(number, is_mature=False) for number in (5, 6, 7)]
    (decision,) = decided([report(3), report(4, alarms=[bad]), *waiting], rule)
    assert decision.period == 4
    assert decided([report(3, alarms=[bad]), report(4), *waiting], rule) == []  # it is over


def test_slices_and_alarms_are_judged_one_by_one_and_decided_together() -> None:
    rule = replace(TELL, on=OnMeasurement(metric="auroc", part="*=*", bound=0.6), n=2, m=2)
    reports = [
        report(0, measured(0.5, part="c=a"), measured(0.5, part="c=b"), measured(0.5)),
        report(1, measured(0.5, part="c=a"), measured(0.8, part="c=b"), measured(0.5)),
    ]
    assert [violation.subject for violation in violations(reports, [rule])] == ["c=a"]
    alarms = [drift_alarm("income"), drift_alarm("age")]
    (decision,) = decided([report(0, alarms=alarms)], TELL)
    assert "income moved" in decision.sentence
    assert "age moved" in decision.sentence


def test_an_alarm_rule_can_ask_for_harm_and_for_a_subject() -> None:
    reports = [report(0, alarms=[drift_alarm("income"), drift_alarm("age", harm=True)])]
    harmful = replace(TELL, on=OnAlarm(kind="drift", only_harm=True))
    incomes = replace(TELL, on=OnAlarm(kind="drift", subject="inc*"))
    assert [v.subject for v in violations(reports, [harmful, incomes])] == ["age", "income"]
    assert violations(reports, [replace(TELL, on=OnAlarm(kind="risk"))]) == []


def test_a_period_is_decided_once_and_a_cooldown_is_kept() -> None:
    bad = [report(n, measured(0.5)) for n in range(2)]
    (first,) = decided(bad[:1], RETRAIN)
    past = [done(first)]
    assert decided(bad[:1], RETRAIN, past=past) == []
    assert [d.period for d in decided(bad, RETRAIN, past=past)] == [1]
    assert decided(bad, replace(RETRAIN, cooldown_periods=1), past=past) == []


def test_only_one_decision_changes_the_model() -> None:
    second = replace(RETRAIN, name="risk", actions=("alert", "roll_back"))
    made = decided([report(0, measured(0.5))], RETRAIN, second)
    assert [d.actions for d in made] == [RETRAIN.actions, ("alert",)]
    assert "roll_back left out" in made[1].sentence


def test_periods_of_a_replaced_version_are_answered() -> None:
    """Labels come late: cohorts of the old version mature after the new one is deployed."""
    (first,) = decided([report(0, measured(0.5), looked_at=2)], RETRAIN)
    record = changed(done(first, champion_after="2"), finished_at_ms=3 * WEEK_MS)
    old = [report(n, measured(0.5), looked_at=6) for n in range(3)]
    assert decided(old, RETRAIN, past=[record]) == []
    assert [r.number for r in failed_in_a_row(old, [RETRAIN], [record])] == [0, 1, 2]
    change = ChampionChange("2", 3 * WEEK_MS)
    assert all(is_answered(r, change) for r in old)
    assert [r.number for r in failed_in_a_row(old, [RETRAIN], [record], change)] == [0]
    new = [*old, report(3, measured(0.5), version="2", looked_at=6)]
    assert [d.period for d in decided(new, RETRAIN, past=[record])] == [3]


def test_a_person_who_deploys_answers_as_well() -> None:
    old = [report(n, measured(0.5), looked_at=4) for n in range(3)]
    change = ChampionChange("2", 3 * WEEK_MS)
    assert decisions(old, [RETRAIN], [], failing_periods=3, changes=[change]) == []
    later = ChampionChange("2", 9 * WEEK_MS)  # nobody knew of it at this look
    made = decisions(old, [RETRAIN], [], failing_periods=3, changes=[later])
    assert [d.rule for d in made] == [AUTOMATION_ENDED, "quality_low"]


def three_failures(*, mended: bool) -> list[DecisionRecord]:
    """Weeks 0 to 2 fail, each decided when it ended; `mended`: each retraining was deployed."""
    past: list[DecisionRecord] = []
    reports: list[PeriodReport] = []
    for number in range(3):
        reports.append(report(number, measured(0.5), version=f"{number + 1}" if mended else "1"))
        for decision in decided(reports, RETRAIN, past=past):
            after = f"{number + 2}" if mended and decision.rule == "quality_low" else ""
            past.append(done(decision, champion_after=after))
    return past


@pytest.mark.parametrize("mended", [False, True])
def test_three_failing_periods_end_automation(mended: bool) -> None:
    past = three_failures(mended=mended)
    assert [(r.period, r.rule) for r in past] == [
        (0, "quality_low"),
        (1, "quality_low"),
        (2, AUTOMATION_ENDED),
        (2, "quality_low"),
    ]
    assert past[2].actions == ("page_person",)
    assert [figure.period for figure in past[2].evidence] == [0, 1, 2]
    assert past[3].actions == ("alert",)
    assert "automation has ended" in past[3].sentence
    reports = [report(n, measured(0.5), version="9") for n in range(5)]
    assert [d.actions for d in decided(reports, RETRAIN, past=past)] == [("alert",)]


def test_a_good_period_between_begins_the_count_again() -> None:
    values = [0.5, 0.5, 0.8, 0.5, 0.5]
    reports = [report(n, measured(value)) for n, value in enumerate(values)]
    assert [r.number for r in failed_in_a_row(reports, [RETRAIN], [])] == [3, 4]
    unknown = [report(n, measured(None if n == 2 else 0.5)) for n in range(4)]
    assert [r.number for r in failed_in_a_row(unknown, [RETRAIN], [])] == [0, 1, 3]


def test_alerts_alone_never_end_automation() -> None:
    reports = [report(n, alarms=[drift_alarm()]) for n in range(5)]
    assert [d.rule for d in decided(reports, TELL)] == ["drift"]


def test_a_person_resumes_and_counting_begins_again() -> None:
    past = three_failures(mended=False)
    resumed = DecisionRecord(
        scenario="tiny",
        period=2,
        rule=AUTOMATION_RESUMED,
        version="",
        decided_at_ms=4 * WEEK_MS,
        decided_by="Ada",
        sentence="mended",
        actions=(),
        state="done",
    )
    reports = [report(n, measured(0.5)) for n in range(4)]
    made = decided(reports, RETRAIN, past=[*past, resumed])
    assert [(d.period, d.actions) for d in made] == [(3, RETRAIN.actions)]


def test_decisions_of_a_prefix_do_not_change_when_later_periods_come() -> None:
    """Replaying the past gives what was decided then."""
    values = [0.8, 0.5, 0.8, 0.5, 0.5]
    reports = [report(n, measured(value)) for n, value in enumerate(values)]
    for before, after in pairwise(range(1, 6)):
        shorter = decided(reports[:before], RETRAIN)
        assert shorter == decided(reports[:before], RETRAIN)
        assert all(d.period < after for d in shorter)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"n": 2, "m": 1}, "n is 2"),
        ({"actions": ()}, "no actions"),
        ({"actions": ("promote_challenger", "retrain")}, "needs a retrain before it"),
        ({"name": AUTOMATION_ENDED}, "cannot be called"),
    ],
)
def test_a_rule_that_contradicts_itself_is_refused(change: dict[str, object], words: str) -> None:
    with pytest.raises(RuleUnclear, match=words):
        replace(RETRAIN, **change)  # type: ignore[arg-type]


def test_rules_hold_for_the_scenarios_that_they_name() -> None:
    none = replace(TELL, name="none", scenarios=())
    fraud = replace(TELL, name="fraud", scenarios=("fraud",))
    assert [rule.name for rule in rules_of("fraud", [RETRAIN, none, fraud])] == [
        "quality_low",
        "fraud",
    ]
