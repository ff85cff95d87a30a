"""Measurements and decisions for the terminal."""

from collections.abc import Sequence

from rich.table import Table

from monitoring.period_report import Measurement, PeriodReport
from monitoring.rules.rule import OnMeasurement, Rule
from stores.records.decisions import DecisionRecord


def measurement_table(report: PeriodReport, rules: Sequence[Rule]) -> Table:
    """What was measured on all cases of the period, with the bounds of rules; then its alarms."""
    state = "mature" if report.is_mature else "not mature yet"
    table = Table(
        "metric", "maturity", "value", "95 % interval", "coverage", "bound", "note",
        title=f"{report.scenario}, period {report.number} ({state}), version {report.version}",
    )  # fmt: skip
    for measured in report.measurements:
        if measured.part == "":
            interval = measured.interval
            value = "-" if interval.value is None else f"{interval.value:.4f}"
            limits = (
                "-"
                if interval.low is None or interval.high is None
                else f"{interval.low:.4f} to {interval.high:.4f}"
            )
            bound = _bound(measured, rules)
            coverage = f"{measured.coverage:.1%}"
            table.add_row(
                measured.metric, measured.maturity, value, limits, coverage, bound, measured.reason
            )
    for alarm in report.alarms:
        bound, words = f"{alarm.bound:.4g}", f"{alarm.subject}: {alarm.sentence}"
        table.add_row(f"alarm: {alarm.kind}", "", f"{alarm.value:.4g}", "", "", bound, words)
    return table


def decision_table(records: Sequence[DecisionRecord], *, title: str) -> Table:
    """Decisions with their reasons and what was done."""
    table = Table("period", "rule", "why", "actions", "state", title=title)
    for record in records:
        results = [
            f"{result.action} ended with {result.exit_code}"
            for result in record.results
            if result.exit_code
        ]
        state = ": ".join([record.state, *results])
        actions = ", ".join(record.actions)
        table.add_row(f"{record.period}", record.rule, record.sentence, actions, state)
    if not records:
        table.add_row("-", "none", "no rule is violated anew", "", "")
    return table


def _bound(measured: Measurement, rules: Sequence[Rule]) -> str:
    bounds = [
        f"{'above' if rule.on.is_above else 'below'} {rule.on.bound:g}"
        for rule in rules
        if isinstance(rule.on, OnMeasurement)
        and (rule.on.metric, rule.on.maturity) == (measured.metric, measured.maturity)
        and rule.on.fits(measured.part)
    ]
    return ", ".join(bounds)
