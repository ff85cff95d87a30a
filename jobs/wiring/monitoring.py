"""Monitoring's settings in the words of the layers below, and rules' actions as child jobs."""

import math
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from conf.sections import MonitoringRule
from conf.settings import Settings
from jobs.launcher.child_jobs import ChildJob, start_child
from jobs.launcher.run import Run
from jobs.wiring.from_settings import event_limits, hbase_store
from jobs.wiring.model_life import bounds_of
from jobs.wiring.model_versions import registered_version
from lifecycle.history import moment
from monitoring.alerts.delivery import Channel
from monitoring.alerts.mail import Mail
from monitoring.alerts.wanted import Links
from monitoring.alerts.webhook import Webhook
from monitoring.business.offers import OfferOptions
from monitoring.business.reviews import ReviewOptions
from monitoring.cases import DAY_MS, Period, periods
from monitoring.drift.options import DriftOptions
from monitoring.estimate.assumptions import EstimateOptions
from monitoring.estimate.budget import AlarmBudget
from monitoring.matured.options import MaturedOptions
from monitoring.quality.label_coverage import CoverageOptions
from monitoring.quality.options import QualityOptions
from monitoring.reporting import ReportOptions
from monitoring.rules.decisions import ChampionChange
from monitoring.rules.rule import OnAlarm, OnMeasurement, Rule, RuleUnclear, rules_of
from monitoring.watching import Watch
from scenarios.contract.readable_columns import categories
from scenarios.contract.scenario import Scenario
from stores.records.decisions import ActionResult, DecisionRecord
from stores.records.deployments import Deployment, read_deployment

LEASE = "monitoring"
HORIZON_DAYS = 30.0
TOLERATED_RISE = 0.05
_LAST_LINES = 15


def rule_of(name: str, declared: MonitoringRule) -> Rule:
    """The rule as the settings declare it; raises `RuleUnclear`."""
    on: OnMeasurement | OnAlarm
    if declared.on == "alarm":
        if not declared.alarm:
            raise RuleUnclear(f"monitoring.rules.{name}.alarm is missing: the kind of the alarm")
        on = OnAlarm(kind=declared.alarm, subject=declared.subject, only_harm=declared.only_harm)
    else:
        bounds = [bound for bound in (declared.below, declared.above) if bound is not None]
        if not declared.metric or len(bounds) != 1:
            raise RuleUnclear(
                f"monitoring.rules.{name} needs a metric and either below or above, it has "
                f"metric={declared.metric!r}, below={declared.below}, above={declared.above}"
            )
        on = OnMeasurement(
            metric=declared.metric,
            bound=bounds[0],
            is_above=declared.above is not None,
            part=declared.part,
            maturity=declared.maturity,
            whole_interval=declared.whole_interval,
            min_labels=declared.min_labels,
        )
    return Rule(
        name=name,
        on=on,
        actions=tuple(declared.actions),
        scenarios=tuple(declared.scenarios),
        n=declared.n,
        m=declared.m,
        cooldown_periods=declared.cooldown_periods,
    )


def declared_rules(settings: Settings, scenario: str) -> Sequence[Rule]:
    """The rules of `scenario` in the settings; raises `RuleUnclear`."""
    rules = [rule_of(name, declared) for name, declared in settings.monitoring.rules.items()]
    return rules_of(scenario, rules)


def alert_channels(settings: Settings) -> list[Channel]:
    """Webhook and mail, as far as the settings name them."""
    alerts, channels = settings.alerts, list[Channel]()
    if alerts.webhook_url is not None:
        channels.append(
            Webhook(
                url=alerts.webhook_url.get_secret_value(),
                timeout_seconds=alerts.timeout_seconds,
                attempts=alerts.attempts,
            )
        )
    if alerts.smtp_host and alerts.recipients:
        password = alerts.smtp_password
        channels.append(
            Mail(
                host=alerts.smtp_host,
                port=alerts.smtp_port,
                security=alerts.smtp_security,
                sender=alerts.sender,
                recipients=tuple(alerts.recipients),
                timeout_seconds=alerts.timeout_seconds,
                attempts=alerts.attempts,
                username=alerts.smtp_username,
                password=password.get_secret_value() if password is not None else "",
            )
        )
    return channels


def alert_links(settings: Settings, scenario: str) -> Links:
    """Where the quality page and the runbook are."""
    address = settings.monitoring.page_address.rstrip("/")
    page = f"{scenario}/quality.html"
    return Links(
        page=f"{address}/{page}" if address else str(settings.reports.folder / page),
        runbook=settings.alerts.runbook_address,
    )


def champion_changes(deployments: Sequence[Deployment]) -> list[ChampionChange]:
    """When the champion became another version, by whomever; deployments by number."""
    changes, champion = [], ""
    for deployment in deployments:
        version = deployment.champion.version
        if champion and version != champion:
            changes.append(ChampionChange(version, int(moment(deployment).timestamp() * 1000)))
        champion = version
    return changes


def ended_periods(settings: Settings, first_ms: int, now_ms: int) -> list[Period]:
    """The periods that have ended by `now_ms`, the newest so many of the settings.

    first_ms: any time of the scenario's first day of service; periods begin at that day's midnight,
    UTC, so that their numbers never change
    """
    midnight = first_ms - first_ms % DAY_MS
    ended = periods(midnight, now_ms, days=settings.monitoring.period_days)
    # What ended before anything was deployed has no predictions.
    served = [period for period in ended if period.end_ms > first_ms]
    return served[-settings.monitoring.periods :]


def matured_options(
    settings: Settings, scenario: Scenario, measured: Sequence[Period], *, now_ms: int
) -> MaturedOptions:
    """What is read of the archive for the measured periods."""
    conf = settings.monitoring
    return MaturedOptions(
        limits=event_limits(settings),
        periods=measured,
        now_ms=now_ms,
        horizon_days=declared_horizon(settings, scenario.name),
        slices=bounds_of(settings, scenario.name).slices,
        amount_feature=conf.amounts.get(scenario.name),
    )


def report_options(settings: Settings, scenario: Scenario, read: MaturedOptions) -> ReportOptions:
    """How the periods of `scenario` are measured: on its control group, where it has one."""
    is_control_only = scenario.policy.control_share > 0
    costs = settings.monitoring.costs.get(scenario.name)
    quality = QualityOptions(
        is_control_only=is_control_only,
        missed_cost=None if costs is None else costs.missed,
        false_alarm_cost=None if costs is None else costs.false_alarm,
    )
    watch = Watch(
        has_rare_positives=scenario.name in settings.monitoring.rare_positives,
        quality=quality,
        tolerated_rise=settings.monitoring.tolerated_rise.get(scenario.name, TOLERATED_RISE),
        budget=AlarmBudget(settings.monitoring.false_alarm_budget),
    )
    length_days = read.length_ms / DAY_MS
    whole = math.ceil(read.maturity_ms(scenario.label) / read.length_ms)
    return ReportOptions(
        maturity_ms=read.maturity_ms(scenario.label),
        quality=quality,
        estimate=EstimateOptions(quality=quality),
        risk=watch.risk,
        slices=watch.slices,
        drift=DriftOptions(categories=frozenset(categories(scenario))),
        coverage=CoverageOptions(
            ages_days=(max(whole, 1) * length_days,), budget=watch.budget.labels
        ),
    )


def declared_horizon(settings: Settings, scenario: str) -> float:
    """How many days after a prediction an outcome still counts for it."""
    return settings.monitoring.horizon_days.get(scenario, HORIZON_DAYS)


def offer_options(settings: Settings, scenario: str) -> OfferOptions | None:
    """What the figures of offers need; None when the scenario declares none."""
    declared = settings.monitoring.offers.get(scenario)
    return None if declared is None else OfferOptions(**declared.model_dump())


def review_options(settings: Settings, scenario: str) -> ReviewOptions | None:
    """What the figures of reviews need; None when the scenario declares none."""
    declared = settings.monitoring.reviews.get(scenario)
    return None if declared is None else ReviewOptions(**declared.model_dump())


@dataclass(frozen=True)
class ChildActions:
    """Actions as the jobs that a person would run, each in a process of its own.

    options  of every child: environment and overrides, as those of this job
    folder   of their logs
    """

    run_context: Run
    options: Sequence[str]
    folder: Path
    environ: Mapping[str, str]

    def run(self, action: str, record: DecisionRecord) -> ActionResult:
        """Run the job of `action`; a job that fails is a result with its exit code.

        A promotion or rollback that was done before a crash is found by the deployment, and not
        done again.
        """
        done = self._done_before(action, record)
        if done is not None:
            return _result(action, 0, done, ["done before this run"])
        if action in ("alert", "page_person"):
            return _result(action, 0, "", ["see the alerts of this run"])
        arguments = self._arguments(action, record)
        if arguments is None:
            return _result(action, 4, "", [f"there is no version for {action}"])
        child = self._child(action, record, arguments)
        try:
            code = child.process.wait()
        finally:
            child.stop()
        output = child.output()
        version = self.champion() if action in ("promote_champion", "roll_back") else ""
        if action == "retrain":
            version = registered_version(output) or ""
        if action == "retrain" and code == 0 and not version:
            return _result(action, 1, "", [*output.splitlines(), "no registered version"])
        return _result(action, code, version, output.splitlines())

    def champion(self) -> str:
        """The champion's version now; "" if none."""
        deployment = self._deployment()
        return "" if deployment is None else deployment.champion.version

    def _arguments(self, action: str, record: DecisionRecord) -> list[str] | None:
        reason = f"--reason=rule {record.rule}, period {record.period}"
        if action == "build_snapshot":
            return ["build_training_set"]
        if action == "retrain":
            return ["train_model", "--no-deploy"]
        if action == "roll_back":
            return ["rollback_model", reason]
        version = self._candidate(action, record)
        if not version:
            return None
        promote = ["promote_model", f"--version={version}"]
        if action == "run_gates":
            return [*promote, "--dry-run"]
        if action == "promote_challenger":
            share = self.run_context.settings.monitoring.challenger_share
            return [*promote, "--to=challenger", f"--share={share}", reason]
        return [*promote, reason]

    def _candidate(self, action: str, record: DecisionRecord) -> str:
        """The version that this decision trained, else the challenger for its promotion."""
        trained = [result.version for result in record.results if result.action == "retrain"]
        if trained or action != "promote_champion":
            return trained[-1] if trained else ""
        deployment = self._deployment()
        challenger = None if deployment is None else deployment.challenger
        return "" if challenger is None else challenger.version

    def _done_before(self, action: str, record: DecisionRecord) -> str | None:
        deployment = self._deployment()
        if deployment is None:
            return None
        champion = deployment.champion.version
        if action == "roll_back" and champion != record.champion_before:
            return champion
        candidate = self._candidate(action, record)
        if action == "promote_champion" and candidate == champion and candidate:
            return champion
        challenger = deployment.challenger
        if action == "promote_challenger" and challenger and challenger.version == candidate:
            return candidate
        return None

    def _deployment(self) -> Deployment | None:
        run = self.run_context
        return read_deployment(hbase_store(run.settings), run.scenario.name)

    def _child(self, action: str, record: DecisionRecord, arguments: list[str]) -> ChildJob:
        name, *rest = arguments
        scenario = self.run_context.scenario.name
        log = self.folder / f"{record.period:04d}-{record.rule}-{action}.log"
        self.run_context.log(f"{action}: ./spark-submit.sh {' '.join(arguments)}, log {log}")
        command = [name, "--scenario", scenario, *self.options, *rest]
        return start_child(command, log=log, environ=self.environ)


def _result(action: str, code: int, version: str, lines: Sequence[str]) -> ActionResult:
    return ActionResult(
        action=action,
        exit_code=code,
        finished_at_ms=time.time_ns() // 1_000_000,
        version=version,
        lines=tuple(line for line in lines if line.strip())[-_LAST_LINES:],
    )
