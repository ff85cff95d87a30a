"""Which alerts there should be: of violated rules, ended automation and failed actions; pure."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from monitoring.rules.rule import OnAlarm
from monitoring.rules.violations import Violation
from stores.records.alerts import OpenAlert
from stores.records.decisions import (
    AUTOMATION_ENDED,
    RESERVED,
    DecisionRecord,
    is_automation_ended,
)

# Alarms about a service have a heading of their own in the runbook: its subject.
_NOT_IN_ANCHORS = re.compile(r"[^a-z0-9]+")


@dataclass(frozen=True, kw_only=True)
class Links:
    """Addresses of the quality page and of the runbook."""

    page: str
    runbook: str

    def heading(self, words: str) -> str:
        """The runbook's heading of these words."""
        return f"{self.runbook}#{_NOT_IN_ANCHORS.sub('-', words.lower()).strip('-')}"


def wanted_alerts(
    violated: Sequence[Violation],
    records: Sequence[DecisionRecord],
    *,
    scenario: str,
    links: Links,
    now_ms: int,
) -> list[OpenAlert]:
    """One alert per subject; those of rules that ask for no notice are left out."""
    alerts = [
        _of_violation(violation, scenario=scenario, links=links, now_ms=now_ms)
        for violation in violated
        if {"alert", "page_person"} & set(violation.rule.actions)
    ]
    if is_automation_ended(records):
        end = next(record for record in reversed(records) if record.rule == AUTOMATION_ENDED)
        alerts.append(
            OpenAlert(
                scenario=scenario,
                subject=AUTOMATION_ENDED,
                severity="page",
                title=f"{scenario}: automation has ended, a person decides",
                sentence=f"{end.sentence}. When it is mended: ./spark-submit.sh monitor --scenario "
                f"{scenario} --resume NAME --reason TEXT",
                since_ms=now_ms,
                evidence=links.page,
                runbook=links.heading("Automation ended"),
            )
        )
    newest = {record.rule: record for record in records if record.rule not in RESERVED}
    for record in newest.values():
        if record.state == "failed":
            alerts.append(_of_failure(record, links=links, now_ms=now_ms))
    return list({alert.subject: alert for alert in alerts}.values())


def heading_of(violation: Violation) -> str:
    """The runbook's heading for a violated rule."""
    on = violation.rule.on
    if not isinstance(on, OnAlarm):
        return "Quality below its bound"
    if on.kind == "service":
        return violation.subject
    return {
        "risk": "Risk alarm",
        "drift": "Drift alarm",
        "data": "Data alarm",
        "slice": "Slice alarm",
    }[on.kind]


def _of_violation(violation: Violation, *, scenario: str, links: Links, now_ms: int) -> OpenAlert:
    what = violation.figures[-1].what
    return OpenAlert(
        scenario=scenario,
        subject=f"{violation.rule.name}:{violation.subject}",
        severity="page" if "page_person" in violation.rule.actions else "warning",
        title=f"{scenario}: {what}",
        sentence=violation.sentence,
        since_ms=now_ms,
        evidence=links.page,
        runbook=links.heading(heading_of(violation)),
    )


def _of_failure(record: DecisionRecord, *, links: Links, now_ms: int) -> OpenAlert:
    result = record.results[-1]
    last = f": {result.lines[-1]}" if result.lines else ""
    return OpenAlert(
        scenario=record.scenario,
        subject=f"{record.rule}:failed action",
        severity="warning",
        title=f"{record.scenario}: {result.action} failed",
        sentence=f"rule {record.rule} decided {', '.join(record.actions)} for period "
        f"{record.period}; {result.action} ended with {result.exit_code}{last}",
        since_ms=now_ms,
        evidence=links.page,
        runbook=links.heading("Action failed"),
    )
