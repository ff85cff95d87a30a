"""One run of monitoring over its reports: decide, act, alert; or say what would have happened."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from msgspec.structs import replace

from monitoring.actions.carrying_out import Actions, Records, carry_out
from monitoring.alerts.delivery import Alerts, Channel, deliver
from monitoring.alerts.wanted import Links, wanted_alerts
from monitoring.period_report import Alarm, PeriodReport
from monitoring.rules.decisions import ChampionChange, decisions
from monitoring.rules.rule import Rule
from monitoring.rules.violations import violations
from stores.records.alerts import OpenAlert
from stores.records.decisions import (
    AUTOMATION_RESUMED,
    DecisionRecord,
    is_automation_ended,
)


class NothingToResume(RuntimeError):
    """Automation of the scenario has not ended."""

    exit_code = 4


@dataclass(frozen=True, kw_only=True)
class MonitoringRun:
    """The parts of a run for one scenario.

    by        who decides, user@host
    log       takes a line for whatever is done
    """

    scenario: str
    rules: Sequence[Rule]
    failing_periods: int
    decided: Records
    alerts: Alerts
    actions: Actions
    channels: Sequence[Channel]
    links: Links
    by: str
    log: Callable[[str], None]
    clock_ms: Callable[[], int]

    def finish_earlier(self) -> list[DecisionRecord]:
        """Do what an earlier run decided and did not come to do; its records."""
        return [
            self._carry_out(record) for record in self.decided.all() if record.state == "decided"
        ]

    def decide_and_act(
        self, reports: Sequence[PeriodReport], changes: Sequence[ChampionChange]
    ) -> list[DecisionRecord]:
        """Decide about the newest periods, alert, do what was decided; the new records.

        Alerts are sent before anything is done, which may take hours, and again after it.
        """
        made = self.would_decide(reports, changes)
        records = []
        for record in made:
            if self.decided.add(record):
                self.log(f"decided by rule {record.rule}: {', '.join(record.actions)}")
                records.append(record)
        self.alert(reports)
        done = [self._carry_out(record) for record in records]
        if done:
            self.alert(reports)
        return done

    def would_decide(
        self, reports: Sequence[PeriodReport], changes: Sequence[ChampionChange]
    ) -> list[DecisionRecord]:
        """What `decide_and_act` would decide now; nothing is written or done."""
        made = decisions(
            reports,
            self.rules,
            self.decided.all(),
            failing_periods=self.failing_periods,
            changes=changes,
        )
        champion = self.actions.champion()
        return [d.record(at_ms=self.clock_ms(), by=self.by, champion=champion) for d in made]

    def alert(self, reports: Sequence[PeriodReport]) -> None:
        """Open, send and resolve alerts by what holds now."""
        wanted = self.wanted(reports, self.decided.all())
        for line in deliver(wanted, self.alerts, self.channels, now_ms=self.clock_ms()):
            self.log(line)

    def wanted(
        self, reports: Sequence[PeriodReport], records: Sequence[DecisionRecord]
    ) -> list[OpenAlert]:
        """The alerts that there should be."""
        return wanted_alerts(
            violations(reports, self.rules),
            records,
            scenario=self.scenario,
            links=self.links,
            now_ms=self.clock_ms(),
        )

    def resume(self, *, period: int, name: str, reason: str) -> DecisionRecord:
        """A person ends the state in which no rule changes the model; counting begins again.

        period: the newest one; failing periods up to it no longer count. Raises `NothingToResume`.
        """
        if not is_automation_ended(self.decided.all()):
            raise NothingToResume(
                f"automation of {self.scenario} has not ended: there is nothing to resume"
            )
        now_ms = self.clock_ms()
        record = DecisionRecord(
            scenario=self.scenario,
            period=period,
            rule=AUTOMATION_RESUMED,
            version="",
            decided_at_ms=now_ms,
            decided_by=f"{name} ({self.by})",
            sentence=reason,
            actions=(),
            state="done",
            champion_before=self.actions.champion(),
            champion_after=self.actions.champion(),
            finished_at_ms=now_ms,
        )
        if not self.decided.add(record):
            raise NothingToResume(
                f"automation of {self.scenario} was resumed after period {period} before, and has "
                "ended again by the same periods: wait for the next period"
            )
        return record

    def _carry_out(self, record: DecisionRecord) -> DecisionRecord:
        after = carry_out(record, self.actions, self.decided, clock_ms=self.clock_ms)
        for result in after.results[len(record.results) :]:
            version = f", version {result.version}" if result.version else ""
            self.log(f"{result.action}: exit code {result.exit_code}{version}")
        return after


def with_alarms(reports: Sequence[PeriodReport], alarms: Sequence[Alarm]) -> Sequence[PeriodReport]:
    """The reports with alarms about the present added to the newest period."""
    if not reports:
        return []
    newest = reports[-1]
    return [*reports[:-1], replace(newest, alarms=(*newest.alarms, *alarms))]


def replayed(
    reports_then: Sequence[Sequence[PeriodReport]],
    rules: Sequence[Rule],
    past: Sequence[DecisionRecord],
    changes: Sequence[ChampionChange],
    *,
    failing_periods: int,
) -> list[DecisionRecord]:
    """What the rules would have decided at each of several looks, in order; writes nothing.

    reports_then: for each look the periods as they were known then
    past: real records from before the first look; later ones are left out, as are deployments
    that would have followed: the versions that scored are those that did
    """
    first_ms = min((look[-1].looked_at_ms for look in reports_then if look), default=0)
    records = [record for record in past if record.decided_at_ms < first_ms]
    count = len(records)
    for reports in reports_then:
        if not reports:
            continue
        at_ms = reports[-1].looked_at_ms
        for decision in decisions(
            reports, rules, records, failing_periods=failing_periods, changes=changes
        ):
            champion = max(
                (change for change in changes if change.at_ms <= at_ms),
                key=lambda change: change.at_ms,
                default=ChampionChange(reports[-1].version, 0),
            ).version
            record = decision.record(at_ms=at_ms, by="replay", champion=champion)
            records.append(_assumed_done(record))
    return records[count:]


def _assumed_done(record: DecisionRecord) -> DecisionRecord:
    return replace(record, state="done", finished_at_ms=record.decided_at_ms)
