"""The trials as people read them: a table per system on screen, all in a Markdown report."""

from collections.abc import Mapping, Sequence
from datetime import datetime

from rich.table import Table

from bench.latency.figures import Figures, figures_of
from bench.latency.trial import Trial
from bench.markdown import markdown_table
from proofs.load import Load

COLUMNS = ("round", "samples", "p50 ms", "p95 ms", "p99 ms", "max ms", "events/s")


def pooled(trials: Sequence[Trial], system: str) -> Figures:
    """Figures over all rounds of `system`."""
    return figures_of(
        [s for trial in trials if trial.system == system for s in trial.latencies_seconds]
    )


def rows_of(trials: Sequence[Trial], system: str) -> list[tuple[str, ...]]:
    """One row of `COLUMNS` per round of `system`, and one of all rounds together."""
    system_trials = [trial for trial in trials if trial.system == system]
    rows = [
        _row(str(trial.round_number), figures_of(trial.latencies_seconds), trial.events_per_second)
        for trial in system_trials
    ]
    rate = sum(trial.events_per_second for trial in system_trials) / len(system_trials)
    return [*rows, _row("all", pooled(trials, system), rate)]


def table_of(trials: Sequence[Trial], system: str) -> Table:
    """The rows for a terminal."""
    table = Table(title=f"{system}: event to readable row", title_justify="left")
    for column in COLUMNS:
        table.add_column(column, justify="right")
    for row in rows_of(trials, system):
        table.add_row(*row, style="bold" if row[0] == "all" else "")
    return table


def markdown(
    trials: Sequence[Trial],
    *,
    load: Load,
    machine: Mapping[str, str],
    last_line: str,
    measured_at: datetime,
) -> str:
    """The report: what was measured, on what, with which result; `measured_at` in UTC."""
    systems = list(dict.fromkeys(trial.system for trial in trials))
    lines = [
        "# Latency from event time to readable row",
        "",
        f"{measured_at:%Y-%m-%d %H:%M} UTC, {load.events_per_second:,.0f} events/s, each run "
        f"{load.seconds:.0f} s after {load.warm_up_seconds:.0f} s of warming up under load; the "
        "systems ran in turn on one platform, topic and model.",
        "",
        f"**{last_line}**",
    ]
    for system in systems:
        lines += ["", f"## {system}", "", *markdown_table(COLUMNS, rows_of(trials, system))]
    lines += ["", "## Machine", "", *markdown_table(("what", "value"), list(machine.items()))]
    return "\n".join(lines) + "\n"


def _row(name: str, figures: Figures, events_per_second: float) -> tuple[str, ...]:
    latencies = (figures.p50_ms, figures.p95_ms, figures.p99_ms, figures.max_ms)
    times = (f"{latency_ms:.0f}" for latency_ms in latencies)
    return (name, f"{figures.samples:,}", *times, f"{events_per_second:,.0f}")
