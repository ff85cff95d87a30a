"""The figures of a run of `monitor` for Prometheus; everscore.rules.yml alerts on them."""

from collections import Counter
from collections.abc import Sequence

from monitoring.period_report import Measurement, PeriodReport
from reports.metrics_file import Metric
from stores.records.alerts import OpenAlert
from stores.records.decisions import DecisionRecord, is_automation_ended


def monitoring_metrics(
    scenario: str,
    reports: Sequence[PeriodReport],
    records: Sequence[DecisionRecord],
    alerts: Sequence[OpenAlert],
    *,
    now_ms: int,
) -> list[Metric]:
    """Gauges of the scenario; measurements are the newest ones of each maturity that have a value.

    reports: of the scenario, by period
    """
    base = {"scenario": scenario}
    newest = reports[-1:]
    alarms = [alarm for report in newest for alarm in report.alarms]
    open_alerts = [alert for alert in alerts if not alert.is_over]
    severities = Counter(alert.severity for alert in open_alerts)
    states = Counter(record.state for record in records)
    return [
        *_measured(reports, base),
        Metric(
            name="everscore_monitoring_alarms",
            meaning="Alarms of the newest period by kind; harm: predictions are worse.",
            samples=[
                ({**base, "kind": kind, "harm": f"{harm}".lower()}, count)
                for (kind, harm), count in sorted(
                    Counter((alarm.kind, alarm.harm) for alarm in alarms).items()
                )
            ],
        ),
        Metric(
            name="everscore_monitoring_open_alerts",
            meaning="Alerts that are not over.",
            samples=[({**base, "severity": s}, severities[s]) for s in ("warning", "page")],
        ),
        Metric(
            name="everscore_monitoring_decisions",
            meaning="Decisions of rules on record, by state.",
            samples=[({**base, "state": s}, states[s]) for s in ("decided", "done", "failed")],
        ),
        Metric(
            name="everscore_monitoring_automation_ended",
            meaning="1: failing periods have ended automation and a person must decide.",
            samples=[(base, float(is_automation_ended(records)))],
        ),
        Metric(
            name="everscore_monitoring_period_end_timestamp_seconds",
            meaning="End of the newest measured period.",
            samples=[(base, report.end_ms / 1000) for report in newest],
        ),
        Metric(
            name="everscore_monitoring_last_run_timestamp_seconds",
            meaning="When monitor last ran to its end.",
            samples=[(base, now_ms / 1000)],
        ),
    ]


def _measured(reports: Sequence[PeriodReport], base: dict[str, str]) -> list[Metric]:
    latest: dict[tuple[str, str, str], tuple[PeriodReport, Measurement]] = {}
    for report in reports:
        for measured in report.measurements:
            if measured.interval.value is not None:
                key = (measured.metric, measured.part, measured.maturity)
                latest[key] = report, measured
    labelled = [
        ({**base, "metric": metric, "part": part, "maturity": maturity}, report, measured)
        for (metric, part, maturity), (report, measured) in sorted(latest.items())
    ]
    return [
        Metric(
            name="everscore_monitoring_quality",
            meaning="Newest value of each measurement, with the ends of its interval.",
            samples=[
                ({**labels, "end": end}, getattr(measured.interval, end))
                for labels, _, measured in labelled
                for end in ("value", "low", "high")
            ],
        ),
        Metric(
            name="everscore_monitoring_quality_period",
            meaning="Number of the period that it is of.",
            samples=[(labels, report.number) for labels, report, _ in labelled],
        ),
        Metric(
            name="everscore_monitoring_label_coverage",
            meaning="Share of its cases whose label is known.",
            samples=[(labels, measured.coverage) for labels, _, measured in labelled],
        ),
    ]
