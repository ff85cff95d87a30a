"""An alert is sent once, again when it is over, and later if a channel did not take it."""

from dataclasses import dataclass, field

from msgspec.structs import replace

from monitoring.alerts.delivery import AlertNotSent, deliver
from monitoring.alerts.wanted import Links, wanted_alerts
from monitoring.rules.rule import OnAlarm, OnMeasurement, Rule
from monitoring.rules.violations import violations
from stores.records.alerts import OpenAlert
from stores.records.decisions import AUTOMATION_ENDED, ActionResult, DecisionRecord
from tests.support.period_reports import MemoryAlerts, drift_alarm, measured, report

LINKS = Links(page="https://reports.example.com/tiny/quality.html", runbook="docs/runbook.md")
QUALITY = Rule(name="quality_low", on=OnMeasurement(metric="auroc", bound=0.6), actions=("alert",))
DRIFT = Rule(name="drift", on=OnAlarm(kind="drift"), actions=("page_person",))
QUIET = Rule(name="quiet", on=OnAlarm(kind="drift"), actions=("retrain",))
DECIDED = DecisionRecord(
    scenario="tiny",
    period=3,
    rule="quality_low",
    version="1",
    decided_at_ms=1,
    decided_by="test",
    sentence="auroc is low",
    actions=("retrain",),
)


@dataclass
class ListChannel:
    """Takes alerts while it works."""

    name: str = "list"
    works: bool = True
    sent: list[tuple[str, bool]] = field(default_factory=list)

    def send(self, alert: OpenAlert) -> None:
        if not self.works:
            raise AlertNotSent(f"{self.name} is away")
        self.sent.append((alert.subject, alert.is_over))


def wanted(*auroc: float, drifted: tuple[str, ...] = ()) -> list[OpenAlert]:
    reports = [
        report(n, measured(value), alarms=[drift_alarm(subject) for subject in drifted])
        for n, value in enumerate(auroc)
    ]
    violated = violations(reports, [QUALITY, DRIFT, QUIET])
    return wanted_alerts(violated, [], scenario="tiny", links=LINKS, now_ms=1)


def test_each_subject_is_an_alert_with_evidence_and_runbook() -> None:
    alerts = wanted(0.5, drifted=("income", "age"))
    assert [(alert.subject, alert.severity) for alert in alerts] == [
        ("quality_low:", "warning"),
        ("drift:income", "page"),
        ("drift:age", "page"),
    ]
    assert {alert.evidence for alert in alerts} == {LINKS.page}
    assert alerts[0].runbook == "docs/runbook.md#quality-below-its-bound"
    assert alerts[1].runbook == "docs/runbook.md#drift-alarm"


def test_ended_automation_and_a_failed_action_are_alerts() -> None:
    result = ActionResult(action="retrain", exit_code=4, finished_at_ms=2, lines=("too few rows",))
    failed = replace(DECIDED, state="failed", results=(result,))
    ended = replace(DECIDED, rule=AUTOMATION_ENDED, actions=("page_person",), state="done")
    alerts = wanted_alerts([], [failed, ended], scenario="tiny", links=LINKS, now_ms=1)
    assert [(alert.subject, alert.severity) for alert in alerts] == [
        (AUTOMATION_ENDED, "page"),
        ("quality_low:failed action", "warning"),
    ]
    assert "--resume NAME" in alerts[0].sentence
    assert "too few rows" in alerts[1].sentence
    mended = replace(DECIDED, period=4, state="done")
    assert wanted_alerts([], [failed, mended], scenario="tiny", links=LINKS, now_ms=1) == []


def test_an_alert_is_sent_once_and_resolved_when_over() -> None:
    stored, channel = MemoryAlerts(), ListChannel()
    for auroc in ((0.5,), (0.5, 0.5), (0.5, 0.5, 0.8), (0.5, 0.8)):
        deliver(wanted(*auroc), stored, [channel], now_ms=1)
    assert channel.sent == [("quality_low:", False), ("quality_low:", True)]
    assert stored.all() == []
    deliver(wanted(0.5), stored, [channel], now_ms=9)
    assert channel.sent[2:] == [("quality_low:", False)]
    assert stored.all()[0].since_ms == 9


def test_a_channel_that_is_away_gets_it_later_and_others_do_not_get_it_twice() -> None:
    stored, works, away = MemoryAlerts(), ListChannel("one"), ListChannel("two", works=False)
    lines = deliver(wanted(0.5), stored, [works, away], now_ms=1)
    assert "two is away; the next run tries again" in lines
    deliver([], stored, [works, away], now_ms=2)
    assert stored.all()[0].is_over  # until the second channel knows
    away.works = True
    deliver([], stored, [works, away], now_ms=3)
    assert works.sent == [("quality_low:", False), ("quality_low:", True)]
    assert away.sent == [("quality_low:", True)]
    assert stored.all() == []


def test_without_channels_alerts_are_lines_and_records() -> None:
    stored = MemoryAlerts()
    (line,) = deliver(wanted(0.5), stored, [], now_ms=1)
    assert line.startswith("alert (warning): tiny: auroc: mature auroc is 0.5")
    assert deliver(wanted(0.5), stored, [], now_ms=2) == []
    assert deliver([], stored, [], now_ms=3) == ["over: tiny: auroc"]
    assert stored.all() == []
