"""The results as a Markdown page: ratios first, then a table per item, the winners in bold."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from bench.markdown import markdown_table
from bench.suite.measurements.results import Results
from bench.suite.plan import Plan
from bench.suite.report.aims import ratios
from bench.suite.report.figures import Figures
from bench.suite.report.method import method_of
from bench.suite.report.tables import (
    ceiling_table,
    latency_table,
    ratio_table,
    recovery_table,
    surge_table,
    throughput_table,
)
from bench.suite.systems.catalogue import RECIPES, STREAMS


@dataclass(frozen=True, kw_only=True)
class Measured:
    """A run of the suite, ready for the report; `measured_at` in UTC, `charts` beside the page."""

    results: Results
    plan: Plan
    machine: Mapping[str, str]
    measured_at: datetime
    charts: Sequence[str] = ()


def markdown(measured: Measured) -> str:
    """The page."""
    results = measured.results
    sections = {
        "Ratios": ratio_table(ratios(results)),
        **_tables(results),
        "Not measured": _absences(results),
        "How it was measured": method_of(measured.plan),
        "Systems": _systems(measured),
        "Machine": markdown_table(("what", "value"), list(measured.machine.items())),
    }
    lines = [
        "# Benchmark",
        "",
        f"{measured.measured_at:%Y-%m-%d %H:%M} UTC. A figure is the median over the rounds, with "
        "the least and the most in brackets; ratios are made round by round.",
    ]
    lines += [line for chart in measured.charts for line in ("", f"![{chart}]({chart})")]
    for title, body in sections.items():
        if body:
            lines += ["", f"## {title}", "", *body]
    return "\n".join(lines) + "\n"


def _tables(results: Results) -> Mapping[str, list[str]]:
    figures = Figures(results)
    tables: dict[str, list[str]] = {}
    for load in figures.loads:
        ceiling = ceiling_table(figures, load)
        table = throughput_table(results, load)
        tables[f"Throughput: {load[0]}, {load[1]} keys"] = (
            [*table, "", *ceiling] if ceiling else table
        )
    for steady in figures.steady_loads:
        title = f"Latency: {steady[0]}, {steady[1]:,.0f} events/s"
        tables[title] = latency_table(results, steady)
    for workload in dict.fromkeys(recovery.workload for recovery in results.recovery):
        tables[f"Recovery from SIGKILL: {workload}"] = recovery_table(results, workload)
    for workload in dict.fromkeys(surge.workload for surge in results.surges):
        tables[f"Surges: {workload}"] = surge_table(results, workload)
    return tables


def _absences(results: Results) -> list[str]:
    absent = [(name, "", reason) for name, reason in results.absent.items()]
    failed = [
        (
            failure.system,
            f"{failure.workload}, {failure.part}, round {failure.round_number}",
            failure.reason,
        )
        for failure in results.failures
    ]
    rows = [tuple(_one_line(cell) for cell in row) for row in (*absent, *failed)]
    return markdown_table(("what", "when", "why"), rows) if rows else []


def _one_line(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")


def _systems(measured: Measured) -> list[str]:
    here = [system for system in measured.plan.systems if system not in measured.results.absent]
    rows = [(system.name, system.meaning, system.kind.value) for system in STREAMS]
    rows += [(recipe.name, recipe.meaning, recipe.kind.value) for recipe in RECIPES]
    return markdown_table(("name", "what", "counts as"), [row for row in rows if row[0] in here])
