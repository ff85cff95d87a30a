"""What the rules decide for the newest periods, given what was decided before; pure.

Below a threshold a model is trained again and deployed, through the gates. A period that violates a
rule that changes the model has failed. After so many failing periods in a row automation ends: no
rule changes the deployment any more, and a person is paged, until a person resumes it.

A period whose predictions were made by a version that was replaced since is answered already:
labels come late, and the periods that mature after a deployment are still those of the version
before it. It neither fails nor ends a row of failing periods, unless a rule decided it in time.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from monitoring.period_report import PeriodReport
from monitoring.rules.rule import NOTICES, Action, Rule
from monitoring.rules.violations import Violation, can_judge, violates, violations
from stores.records.decisions import (
    AUTOMATION_ENDED,
    RESERVED,
    DecisionRecord,
    Figure,
    is_automation_ended,
)


@dataclass(frozen=True)
class ChampionChange:
    """`version` was made champion at `at_ms`, UTC epoch ms."""

    version: str
    at_ms: int


@dataclass(frozen=True, kw_only=True)
class Decision:
    """What is to be done because of a period; `evidence` are the figures that caused it."""

    scenario: str
    period: int
    rule: str
    version: str
    sentence: str
    actions: tuple[Action, ...]
    evidence: tuple[Figure, ...]

    def record(self, *, at_ms: int, by: str, champion: str) -> DecisionRecord:
        """The decision made at `at_ms` by `by`, while `champion` was deployed."""
        return DecisionRecord(
            scenario=self.scenario,
            period=self.period,
            rule=self.rule,
            version=self.version,
            decided_at_ms=at_ms,
            decided_by=by,
            sentence=self.sentence,
            actions=self.actions,
            evidence=self.evidence,
            champion_before=champion,
        )


def decisions(
    reports: Sequence[PeriodReport],
    rules: Sequence[Rule],
    past: Sequence[DecisionRecord],
    *,
    failing_periods: int,
    changes: Sequence[ChampionChange] = (),
) -> list[Decision]:
    """New decisions, at most one per rule, for the latest period that the rule can judge.

    reports   of one scenario, by period
    rules     those that hold for it
    past      all its records
    changes   of the champion, by whomever; those of the records need not be among them
    A rule decides nothing for a period that it has decided before, nor during its cooldown. When
    `failing_periods` in a row have failed, the end of automation is the first decision, and what
    else was to be done to the model is left out. At most one decision changes the model.
    """
    if not reports:
        return []
    newest = newest_change(past, changes, upto_ms=max(r.looked_at_ms for r in reports))
    fresh = [report for report in reports if not is_answered(report, newest)]
    made: list[Decision] = []
    ended = is_automation_ended(past)
    if not ended and (end := _end(reports, rules, past, newest, failing_periods)) is not None:
        made.append(end)
        ended = True
    is_changing = ended or any(_is_changing(record) for record in past if record.actions_left)
    for rule in rules:
        seen = fresh if rule.changes_the_model else reports
        violated = violations(seen, [rule])
        if not violated:
            continue
        period = max(violation.report.number for violation in violated)
        latest = [violation for violation in violated if violation.report.number == period]
        if _is_decided(rule, period, past):
            continue
        actions = rule.actions
        if is_changing:
            actions = tuple(action for action in actions if action in NOTICES)
        is_changing = is_changing or rule.changes_the_model
        if actions:
            made.append(_decision(rule, latest, actions, is_ended=ended))
    return made


def is_answered(report: PeriodReport, newest: ChampionChange | None) -> bool:
    """Whether the version that made its predictions was replaced during or after the period."""
    return (
        newest is not None and newest.version != report.version and newest.at_ms >= report.begin_ms
    )


def newest_change(
    past: Sequence[DecisionRecord], changes: Sequence[ChampionChange], *, upto_ms: int
) -> ChampionChange | None:
    """The last change of the champion until `upto_ms`, by a decision or by a person."""
    by_decision = [
        ChampionChange(record.champion_after, record.finished_at_ms)
        for record in past
        if record.champion_after not in ("", record.champion_before)
    ]
    until = [change for change in (*by_decision, *changes) if change.at_ms <= upto_ms]
    return max(until, key=lambda change: change.at_ms, default=None)


def failed_in_a_row(
    reports: Sequence[PeriodReport],
    rules: Sequence[Rule],
    past: Sequence[DecisionRecord],
    newest: ChampionChange | None = None,
) -> list[PeriodReport]:
    """The newest judged periods that all failed, since automation began or was resumed.

    A period that no rule which changes the model can judge yet is passed over, and so is one that
    was answered before it was decided.
    """
    since = max((record.period for record in past if record.rule in RESERVED), default=-1)
    changing = [rule for rule in rules if rule.changes_the_model]
    acted_on = {record.period for record in past if _is_changing(record)}
    row: list[PeriodReport] = []
    for report in reversed(reports):
        if report.number <= since:
            break
        if report.number in acted_on:
            row.append(report)
        elif is_answered(report, newest):
            continue
        elif any(violates(report, rule) for rule in changing):
            row.append(report)
        elif not changing or _is_judged(report, changing):
            break
    return row[::-1]


def _is_judged(report: PeriodReport, rules: Sequence[Rule]) -> bool:
    """Whether its labels have arrived, so that a period without violation is a good one."""
    return any(can_judge(report, rule) for rule in rules)


def _end(
    reports: Sequence[PeriodReport],
    rules: Sequence[Rule],
    past: Sequence[DecisionRecord],
    newest: ChampionChange | None,
    failing_periods: int,
) -> Decision | None:
    failed = failed_in_a_row(reports, rules, past, newest)
    if len(failed) < failing_periods:
        return None
    latest = failed[-1]
    at_once = [replace(rule, n=1, m=1) for rule in rules if rule.changes_the_model]
    figures = [
        figure
        for report in failed[-failing_periods:]
        for violation in violations([report], at_once)
        for figure in violation.figures
    ]
    last = f" {figures[-1].sentence}" if figures else ""
    return Decision(
        scenario=latest.scenario,
        period=latest.number,
        rule=AUTOMATION_ENDED,
        version=latest.version,
        sentence=f"{len(failed)} periods in a row have failed, the latest one is period "
        f"{latest.number}: automation ends, a person decides.{last}",
        actions=("page_person",),
        evidence=tuple(figures),
    )


def _is_changing(record: DecisionRecord) -> bool:
    return any(action not in NOTICES for action in record.actions)


def _is_decided(rule: Rule, period: int, past: Sequence[DecisionRecord]) -> bool:
    """Whether the rule has decided this period, or is in its cooldown."""
    return any(
        record.rule == rule.name and record.period + rule.cooldown_periods >= period
        for record in past
    )


def _decision(
    rule: Rule, violated: Sequence[Violation], actions: tuple[Action, ...], *, is_ended: bool
) -> Decision:
    """Of all violations of `rule` by one period."""
    left_out = [action for action in rule.actions if action not in actions]
    why = "automation has ended" if is_ended else "another decision changes the model"
    note = f"; {', '.join(left_out)} left out: {why}" if left_out else ""
    report = violated[0].report
    return Decision(
        scenario=report.scenario,
        period=report.number,
        rule=rule.name,
        version=report.version,
        sentence="; ".join(violation.sentence for violation in violated) + note,
        actions=actions,
        evidence=tuple(figure for violation in violated for figure in violation.figures),
    )
