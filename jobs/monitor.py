"""Measure a scenario's newest periods, decide by the rules, act, alert; then end, for cron.

Reads logged predictions, labels and outcomes from the archive (run archive_stream before it),
writes the quality page, and does what the rules in section `monitoring` of the settings ask for.
The same period run twice decides once. With --dry-run nothing is written or done; with --from and
--to as well it goes through past periods as they were known when each of them ended.
"""

from collections.abc import Sequence
from contextlib import nullcontext
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

from typer import BadParameter, Exit, Option

from batch.records.posted_outcomes import posted_outcomes
from jobs.launcher.run import Run, job_run
from jobs.options.shared import (
    EnvOption,
    ScenarioOption,
    SetOption,
    VerboseOption,
    job_app,
    set_options,
)
from jobs.options.times import moment_of
from jobs.spark.session import spark_session
from jobs.status.service_alarms import service_alarms
from jobs.wiring.from_settings import delta_place
from jobs.wiring.leases import job_lease
from jobs.wiring.monitoring import (
    LEASE,
    ChildActions,
    alert_channels,
    alert_links,
    champion_changes,
    declared_rules,
    ended_periods,
    matured_options,
    offer_options,
    report_options,
    review_options,
)
from jobs.wiring.streaming import store_session
from lifecycle.history import all_deployments, moment
from lifecycle.promotion import person
from monitoring.alerts.metrics import monitoring_metrics
from monitoring.business.figures import BusinessFigure
from monitoring.drift.report import write_drift_report
from monitoring.matured.labels import label_records
from monitoring.matured.read import read_periods
from monitoring.matured.refusals import TABLE, record_refusals, refused_records
from monitoring.page.business import business_figures
from monitoring.page.quality_page import PageContent, QualityPage
from monitoring.period_data import PeriodData
from monitoring.period_report import PeriodReport
from monitoring.reporting import ReportOptions, drift_tests, period_reports
from monitoring.rules.summary import decision_table, measurement_table
from monitoring.run import MonitoringRun, replayed, with_alarms
from reports.metrics_file import write_metrics
from scenarios.contract.readable_columns import categories
from stores.records.alerts import AlertTable
from stores.records.decisions import DecisionTable, is_automation_ended
from stores.records.deployments import Deployment

SPARK = True
PERSON_NEEDED = 7


class NothingDeployed(RuntimeError):
    """There is no model whose quality could be measured."""

    exit_code = 4


def main(
    scenario: ScenarioOption,
    env: EnvOption = "local",
    overrides: SetOption = None,
    verbose: VerboseOption = False,
    dry_run: Annotated[
        bool, Option("--dry-run", help="Show what would be decided; write and do nothing.")
    ] = False,
    from_: Annotated[
        str | None, Option("--from", help="With --dry-run: periods that end from then on, ISO.")
    ] = None,
    to: Annotated[str | None, Option("--to", help="With --dry-run: until then.")] = None,
    as_of: Annotated[str | None, Option(help="What was known then, ISO.  [default: now]")] = None,
    resume: Annotated[
        str, Option(metavar="NAME", help="You let rules act again after they had ended.")
    ] = "",
    reason: Annotated[str, Option(help="With --resume: why; stands in the record.")] = "",
    drift_report: Annotated[
        bool, Option("--drift-report", help="Evidently's report of the newest period as well.")
    ] = False,
    metrics_file: Annotated[
        Path | None, Option(help="Write figures for Prometheus' textfile collector, NAME.prom.")
    ] = None,
) -> None:
    if (from_ or to) and not dry_run:
        raise BadParameter("only with --dry-run", param_hint="--from, --to")
    if bool(resume) != bool(reason) or (resume and dry_run):
        raise BadParameter("needs --reason, and no --dry-run", param_hint="--resume")
    with job_run(
        scenario=scenario, env=env, overrides=overrides, verbose=verbose, needs=("hbase",)
    ) as run:
        now = moment_of(as_of) or datetime.now(UTC)
        monitoring, deployments = _parts(run, ["--env", env, *set_options(overrides)])
        lease = nullcontext() if dry_run else job_lease(run, scenario, LEASE, job="monitor")
        with lease:
            if not dry_run:
                monitoring.finish_earlier()
            data, options = _periods(run, deployments, now, records_refusals=not dry_run)
            if not data:
                run.log("no period has ended since the first deployment: nothing to measure yet")
                return
            tests = drift_tests(data, options=options)

            def known_at(at_ms: int, earlier: Sequence[PeriodReport] = ()) -> list[PeriodReport]:
                return period_reports(
                    data,
                    scenario=scenario,
                    looked_at_ms=at_ms,
                    options=options,
                    drift=tests,
                    earlier=earlier,
                )

            changes = champion_changes(deployments)
            if from_ or to:
                looks: list[list[PeriodReport]] = []
                with run.console.status("looking back"):
                    for end_ms in _ends(data, from_, to):
                        looks.append(known_at(end_ms, looks[-1] if looks else ()))
                records = replayed(
                    looks,
                    monitoring.rules,
                    monitoring.decided.all(),
                    changes,
                    failing_periods=monitoring.failing_periods,
                )
                run.console.print(decision_table(records, title="would have been decided"))
                return
            reports = with_alarms(known_at(_ms(now)), service_alarms(run, now=datetime.now(UTC)))
            measured = [report for report in reports if report.measurements]
            mature = [report for report in measured if report.is_mature]
            # The newest ones that say something, and the newest of all for its alarms.
            shown = {r.number: r for r in (*mature[-1:], *measured[-1:], reports[-1])}
            for report in shown.values():
                run.console.print(measurement_table(report, monitoring.rules))
            if dry_run:
                records = monitoring.would_decide(reports, changes)
                run.console.print(decision_table(records, title="would be decided"))
                return
            if resume:
                record = monitoring.resume(period=reports[-1].number, name=resume, reason=reason)
                run.log(f"automation of {scenario} goes on, by {record.decided_by}")
            records = monitoring.decide_and_act(reports, changes)
            run.console.print(decision_table(records, title="decided"))
            figures = business_figures(
                data,
                now_ms=_ms(now),
                maturity_ms=options.maturity_ms,
                offers=offer_options(run.settings, scenario),
                reviews=review_options(run.settings, scenario),
            )
            _write(run, monitoring, reports, figures, metrics_file)
            if drift_report:
                _write_drift_report(run, data)
        is_ended = is_automation_ended(monitoring.decided.all())
        if is_ended or any(record.state == "failed" for record in records):
            raise Exit(PERSON_NEEDED)


def _parts(run: Run, child_options: Sequence[str]) -> tuple[MonitoringRun, list[Deployment]]:
    """The run's parts and all deployments; raises `NothingDeployed`."""
    settings, scenario = run.settings, run.scenario.name
    session = store_session(settings)
    deployments = list(all_deployments(session, scenario))
    if not deployments:
        raise NothingDeployed(
            f"no model has been deployed for {scenario}: ./spark-submit.sh train_model "
            f"--scenario {scenario}"
        )
    logs = settings.reports.folder / scenario / "monitor-logs"
    monitoring = MonitoringRun(
        scenario=scenario,
        rules=declared_rules(settings, scenario),
        failing_periods=settings.monitoring.failing_periods,
        decided=DecisionTable(session, scenario),
        alerts=AlertTable(session, scenario),
        actions=ChildActions(run, child_options, logs, {}),
        channels=alert_channels(settings),
        links=alert_links(settings, scenario),
        by=person(),
        log=run.log,
        clock_ms=lambda: _ms(datetime.now(UTC)),
    )
    return monitoring, deployments


def _periods(
    run: Run, deployments: Sequence[Deployment], now: datetime, *, records_refusals: bool
) -> tuple[list[PeriodData], ReportOptions]:
    """The ended periods from the archive; Spark has ended when it returns.

    Labels and outcomes that were refused are recorded, each once, unless it is a dry run.
    """
    settings, declared = run.settings, run.scenario
    measured = ended_periods(settings, _ms(moment(deployments[0])), _ms(now))
    if not measured:
        return [], ReportOptions(maturity_ms=0)
    options = matured_options(settings, declared, measured, now_ms=_ms(now))
    place = delta_place(settings, declared.name)
    with spark_session(settings, app_name=f"monitor {declared.name}", with_delta=True) as spark:
        run.log(f"reading {len(measured)} periods from {place.path()}")
        with run.console.status("decoding, joining"):
            data = read_periods(spark, place, declared, options=options)
        if records_refusals:
            labels = label_records(spark, place, declared, options)
            posted = posted_outcomes(spark, place, options.limits, until_ms=options.now_ms)
            count = record_refusals(spark, place, refused_records(labels, posted))
            if count:
                run.log(f"{count:,} refused labels and outcomes recorded, see {place.path(TABLE)}")
    return data, report_options(settings, declared, options)


def _write(
    run: Run,
    monitoring: MonitoringRun,
    reports: Sequence[PeriodReport],
    figures: tuple[BusinessFigure, ...],
    metrics_file: Path | None,
) -> None:
    """The page with JSON beside it, and the figures for Prometheus."""
    scenario = run.scenario
    records, alerts = monitoring.decided.all(), monitoring.alerts.all()
    # Read again: the rules may just have deployed a version.
    session = store_session(run.settings)
    changes = champion_changes(all_deployments(session, scenario.name))
    session.close()
    content = PageContent(
        scenario=scenario.name,
        title=scenario.title,
        made_at=datetime.now(UTC).isoformat(timespec="seconds"),
        reports=tuple(reports),
        decisions=tuple(records),
        alerts=tuple(alerts),
        deployments=tuple((change.at_ms, change.version) for change in changes),
        business=figures,
    )
    paths = QualityPage(content, monitoring.rules).write(
        run.settings.reports.folder / scenario.name
    )
    if metrics_file is not None:
        now_ms = monitoring.clock_ms()
        metrics = monitoring_metrics(scenario.name, reports, records, alerts, now_ms=now_ms)
        paths.append(write_metrics(metrics_file, metrics))
    for path in paths:
        run.console.print(f"written to {path}", markup=False, highlight=False, soft_wrap=True)


def _write_drift_report(run: Run, data: Sequence[PeriodData]) -> None:
    """Evidently's report of the newest period with cases against the one before it."""
    with_cases = [period for period in data if len(period.cases)]
    if len(with_cases) < 2:
        run.log("no drift report: there are not two periods with cases yet")
        return
    before, current = with_cases[-2:]
    folder, names = run.settings.reports.folder / run.scenario.name, categories(run.scenario)
    for path in write_drift_report(folder, before, current, names=names):
        run.console.print(f"written to {path}", markup=False, highlight=False, soft_wrap=True)


def _ends(data: Sequence[PeriodData], from_: str | None, to: str | None) -> list[int]:
    """When a daily or weekly run would have looked: at the end of each period, UTC epoch ms."""
    first, last = moment_of(from_), moment_of(to)
    return [
        period.period.end_ms
        for period in data
        if (first is None or period.period.end_ms >= _ms(first))
        and (last is None or period.period.end_ms <= _ms(last))
    ]


def _ms(at: datetime) -> int:
    return int(at.timestamp() * 1000)


app = job_app(
    main,
    doc=__doc__,
    example="./spark-submit.sh monitor --scenario churn --dry-run --from 2026-09-01",
)
