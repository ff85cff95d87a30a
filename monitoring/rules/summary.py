"""Measurements and decisions for the terminal."""

from collections.abc import Sequence

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from monitoring.period_report import Measurement, PeriodReport
from monitoring.rules.rule import OnMeasurement, Rule
from stores.records.decisions import DecisionRecord


def measurement_table(report: PeriodReport, rules: Sequence[Rule]) -> RenderableType:
    """What was measured on all cases of the period, with the bounds of rules; its alarms.

    Below the table stands what could not be measured, with the reason.
    """
    state = "mature" if report.is_mature else "not mature yet"
    table = Table(
        "metric", "maturity", "value", "95 % interval", "coverage", "bound",
        title=f"{report.scenario}, period {report.number} ({state}), version {report.version}",
    )  # fmt: skip
    unmeasured: dict[tuple[str, str], list[str]] = {}
    for measured in report.measurements:
        if measured.part:
            continue
        interval = measured.interval
        if interval.value is None:
            unmeasured.setdefault((measured.maturity, measured.reason), []).append(measured.metric)
            continue
        limits = (
            "-"
            if interval.low is None or interval.high is None
            else f"{interval.low:.4f} to {interval.high:.4f}"
        )
        table.add_row(
            measured.metric,
            measured.maturity,
            f"{interval.value:.4f}",
            limits,
            f"{measured.coverage:.1%}",
            _bound(measured, rules),
        )
    lines = [
        f"not {maturity}: {', '.join(metrics)}: {reason}"
        for (maturity, reason), metrics in unmeasured.items()
    ]
    lines += [
        f"alarm, {alarm.kind}, {alarm.subject}: {alarm.value:.4g}, bound {alarm.bound:.4g}. "
        f"{alarm.sentence}"
        for alarm in report.alarms
    ]
    return Group(table, *(Text(line) for line in lines))


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
        table.add_row("-", "none", "no rule asks for anything new", "", "")
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
