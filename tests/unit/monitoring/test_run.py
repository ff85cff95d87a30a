"""A run decides once, acts, alerts, ends automation and is resumed; a replay writes nothing."""

from dataclasses import dataclass, field
from itertools import count

import pytest

from monitoring.alerts.wanted import Links
from monitoring.period_report import PeriodReport
from monitoring.rules.rule import OnMeasurement, Rule
from monitoring.run import MonitoringRun, NothingToResume, replayed
from stores.records.alerts import OpenAlert
from stores.records.decisions import AUTOMATION_ENDED, AUTOMATION_RESUMED, is_automation_ended
from tests.support.period_reports import (
    WEEK_MS,
    MemoryAlerts,
    MemoryDecisions,
    ScriptedActions,
    measured,
    report,
)

RETRAIN = Rule(
    name="quality_low",
    on=OnMeasurement(metric="auroc", bound=0.6),
    actions=("alert", "retrain", "promote_champion"),
)


@dataclass
class Noted:
    """A channel that remembers."""

    name: str = "noted"
    titles: list[str] = field(default_factory=list)

    def send(self, alert: OpenAlert) -> None:
        self.titles.append(("over: " if alert.is_over else "") + alert.subject)


@dataclass
class Stage:
    """A run with stores in memory; `look` is one run of the job at the end of a week."""

    actions: ScriptedActions = field(default_factory=ScriptedActions)
    decisions: MemoryDecisions = field(default_factory=MemoryDecisions)
    alerts: MemoryAlerts = field(default_factory=MemoryAlerts)
    channel: Noted = field(default_factory=Noted)
    lines: list[str] = field(default_factory=list)
    week: int = 0

    @property
    def run(self) -> MonitoringRun:
        ticks = count((self.week + 1) * WEEK_MS)
        return MonitoringRun(
            scenario="tiny",
            rules=[RETRAIN],
            failing_periods=3,
            decided=self.decisions,
            alerts=self.alerts,
            actions=self.actions,
            channels=[self.channel],
            links=Links(page="page", runbook="runbook"),
            by="test@host",
            log=self.lines.append,
            clock_ms=lambda: next(ticks),
        )

    def look(self, reports: list[PeriodReport]) -> list[tuple[int, str, str]]:
        """(period, rule, state) of what this look decided."""
        self.week = reports[-1].number
        run = self.run
        run.finish_earlier()
        records = run.decide_and_act(reports, [])
        return [(record.period, record.rule, record.state) for record in records]


def test_the_same_period_run_twice_decides_and_alerts_once() -> None:
    stage = Stage()
    bad = [report(0, measured(0.5))]
    assert stage.look(bad) == [(0, "quality_low", "done")]
    assert stage.look(bad) == []
    assert stage.actions.calls == ["alert", "retrain", "promote_champion"]
    assert stage.channel.titles == ["quality_low:"]
    assert stage.actions.current == "2"


def test_a_failed_action_is_an_alert_and_is_not_tried_again() -> None:
    stage = Stage(actions=ScriptedActions(codes={"promote_champion": 4}))
    bad = [report(0, measured(0.5))]
    assert stage.look(bad) == [(0, "quality_low", "failed")]
    assert stage.channel.titles == ["quality_low:", "quality_low:failed action"]
    assert stage.look(bad) == []
    assert stage.actions.calls.count("retrain") == 1


def test_a_run_that_died_is_finished_by_the_next_one() -> None:
    stage = Stage(actions=ScriptedActions(dies_at="promote_champion"))
    bad = [report(0, measured(0.5))]
    with pytest.raises(KeyboardInterrupt):
        stage.look(bad)
    assert stage.channel.titles == ["quality_low:"]  # sent before anything was done
    stage.actions.dies_at = ""
    assert stage.look(bad) == []
    assert stage.actions.calls == ["alert", "retrain", "promote_champion"]
    assert [record.state for record in stage.decisions.all()] == ["done"]


def test_three_failing_periods_page_a_person_who_resumes() -> None:
    stage = Stage()
    with pytest.raises(NothingToResume):
        stage.run.resume(period=0, name="Ada", reason="why not")
    reports: list[PeriodReport] = []
    for week in range(4):
        reports.append(report(week, measured(0.5), version=f"{week + 1}"))
        stage.look(reports)
    ended = [record for record in stage.decisions.all() if record.rule == AUTOMATION_ENDED]
    assert [record.period for record in ended] == [2]
    assert stage.actions.calls.count("promote_champion") == 2  # none in weeks 2 and 3
    assert stage.channel.titles == ["quality_low:", AUTOMATION_ENDED]
    resumed = stage.run.resume(period=3, name="Ada", reason="producer mended")
    assert (resumed.rule, resumed.decided_by) == (AUTOMATION_RESUMED, "Ada (test@host)")
    assert not is_automation_ended(stage.decisions.all())
    reports.append(report(4, measured(0.8), version="3"))
    assert stage.look(reports) == []
    over = {f"over: {AUTOMATION_ENDED}", "over: quality_low:"}
    assert set(stage.channel.titles[2:]) == over


def test_a_replay_decides_what_the_runs_decided() -> None:
    stage = Stage(actions=ScriptedActions(codes={"promote_champion": 4}))
    weeks = [report(n, measured(value)) for n, value in enumerate((0.8, 0.5, 0.5, 0.8, 0.5))]
    looks = [weeks[: n + 1] for n in range(len(weeks))]
    lived = [decision for look in looks for decision in stage.look(look)]
    replay = replayed(looks, [RETRAIN], [], [], failing_periods=3)
    assert [(record.period, record.rule) for record in replay] == [d[:2] for d in lived]
    assert [record.period for record in replay] == [1, 2, 4]
    evidence = {record.key: record.evidence for record in stage.decisions.all()}
    assert {record.key: record.evidence for record in replay} == evidence
    # Once more with the real records: those from before the first look count, later ones do not.
    again = replayed(looks[2:], [RETRAIN], stage.decisions.all(), [], failing_periods=3)
    assert [record.period for record in again] == [2, 4]
