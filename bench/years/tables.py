"""The tables of the years: what was noticed, what was decided, how well quality was estimated."""

from collections.abc import Iterator, Sequence

import msgspec
import numpy as np
from rich.table import Table

from bench.years.coverage import Window
from bench.years.decided import Decided
from bench.years.events import EVENTS
from bench.years.outcome import Outcome


class Coverage(msgspec.Struct, frozen=True, kw_only=True):
    """Estimates of one metric over quiet windows; error: median size, measured less estimated."""

    scenario: str
    metric: str
    windows: int
    held: float
    refused: float
    error: float


def coverages(scenario: str, held: Sequence[Window]) -> list[Coverage]:
    """One row per metric."""
    rows = []
    for metric in dict.fromkeys(window.metric for window in held):
        ones = [window for window in held if window.metric == metric]
        given = [window for window in ones if window.is_held is not None]
        rows.append(
            Coverage(
                scenario=scenario,
                metric=metric,
                windows=len(ones),
                held=float(np.mean([float(bool(window.is_held)) for window in given] or [np.nan])),
                refused=1.0 - len(given) / len(ones),
                error=float(np.median([abs(window.error or 0.0) for window in given] or [np.nan])),
            )
        )
    return rows


def outcome_tables(outcomes: Sequence[Outcome]) -> Iterator[Table]:
    """What each detector noticed of harmful events, of experiments, of quiet and harmless years."""
    natures = {event.name: event.nature for event in EVENTS}
    for nature, title in (
        ("harm", "Harmful events"),
        ("verdict", "Experiments and actions"),
        ("harmless", "Quiet and harmless years: an alarm is false"),
    ):
        rows = [row for row in outcomes if natures[row.event] == nature]
        if rows:
            yield _outcome_table(rows, title, is_harmless=nature == "harmless")


def decision_table(decisions: Sequence[Decided]) -> Table:
    """What the declared rules decided, per event and kind of decision."""
    table = Table(
        "scenario",
        "event",
        "decision",
        "years",
        "decided",
        "before it",
        "median weeks",
        "first by rule",
        title="Decisions of the declared rules, while the version stays the same",
    )
    for row in decisions:
        table.add_row(
            row.scenario,
            row.event,
            row.decision,
            str(row.years),
            f"{row.share:.0%}",
            f"{row.before:.0%}",
            "" if row.median_weeks is None else f"{row.median_weeks:.0f}",
            ", ".join(f"{rule} {count}" for rule, count in row.rules.items()),
        )
    return table


def _outcome_table(rows: Sequence[Outcome], title: str, *, is_harmless: bool) -> Table:
    table = Table("scenario", "event", "detector", "years", title=title)
    columns = ["any alarm in the year"]
    if not is_harmless:
        columns = ["noticed", "false before", "median weeks", "first by"]
    for column in columns:
        table.add_column(column)
    for row in rows:
        cells = [f"{row.false_before:.0%}"]
        if not is_harmless:
            cells = [
                f"{row.found:.0%}",
                *cells,
                "" if row.median_weeks is None else f"{row.median_weeks:.0f}",
                ", ".join(f"{part} {count}" for part, count in row.parts.items()),
            ]
        table.add_row(row.scenario, row.event, row.detector, str(row.years), *cells)
    return table


def coverage_table(held: Sequence[Coverage]) -> Table:
    """Intervals of estimates beside what was measured later."""
    title = "Estimates of quiet weeks beside what is measured later, 95 % intervals"
    table = Table(
        "scenario", "metric", "windows", "held", "not estimated", "median error", title=title
    )
    for coverage in held:
        table.add_row(
            coverage.scenario,
            coverage.metric,
            str(coverage.windows),
            f"{coverage.held:.1%}",
            f"{coverage.refused:.1%}",
            f"{coverage.error:.4f}",
        )
    return table
