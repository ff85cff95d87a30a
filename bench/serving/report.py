"""The figures of the service beside those of raw reads, as a table of ratios."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from rich.table import Table

from bench.markdown import markdown_table

RAW, LATEST, WHAT_IF = "raw read", "GET latest", "score now"
TARGETS = (RAW, LATEST, WHAT_IF)
COLUMNS = ("rate", "what", "answers/s", "failed", "p50 ms", "p99 ms", "p50 ratio", "p99 ratio")
# A rate that was not reached is no figure of a latency at that rate.
_REACHED_SHARE = 0.95


@dataclass(frozen=True, kw_only=True)
class Run:
    """One run of one target; rate: requests a second, None where it was saturated."""

    target: str
    rate: float | None
    per_second: float
    failed: int
    p50_ms: float
    p99_ms: float

    def __str__(self) -> str:
        at = "saturated" if self.rate is None else f"{self.rate:,.0f}/s"
        return (
            f"{self.target}, {at}: {self.per_second:,.0f} answers/s, p50 {self.p50_ms:.1f} ms, "
            f"p99 {self.p99_ms:.1f} ms, {self.failed} failed"
        )

    @property
    def is_reached(self) -> bool:
        """Whether the target kept up with the rate."""
        return self.rate is None or self.per_second >= _REACHED_SHARE * self.rate


def rows_of(runs: Sequence[Run]) -> list[tuple[str, ...]]:
    """One row of `COLUMNS` per rate and target: the median run of several by p99.

    Ratios are those to raw reads at the same rate; of the saturated runs that of answers/s.
    """
    rows = []
    for rate in dict.fromkeys(run.rate for run in runs):
        raw = _median(runs, RAW, rate)
        for target in TARGETS:
            run = _median(runs, target, rate)
            if run is None:
                continue
            rows.append(_row(run, raw))
    return rows


def _median(runs: Sequence[Run], target: str, rate: float | None) -> Run | None:
    ours = sorted(
        (run for run in runs if run.target == target and run.rate == rate),
        key=lambda run: run.p99_ms,
    )
    return ours[(len(ours) - 1) // 2] if ours else None


def _row(run: Run, raw: Run | None) -> tuple[str, ...]:
    name = "saturated" if run.rate is None else f"{run.rate:,.0f}/s"
    if not run.is_reached:
        name += " (not reached)"
    ratios = ("", "")
    if raw is not None and run.rate is None:
        ratios = (f"{run.per_second / raw.per_second:.2f} of the rate", "")
    elif raw is not None:
        ratios = (f"{run.p50_ms / raw.p50_ms:.2f}", f"{run.p99_ms / raw.p99_ms:.2f}")
    return (
        name,
        run.target,
        f"{run.per_second:,.0f}",
        f"{run.failed:,}",
        f"{run.p50_ms:.1f}",
        f"{run.p99_ms:.1f}",
        *ratios,
    )


def table_of(runs: Sequence[Run]) -> Table:
    """The rows for a terminal."""
    table = Table(title="the web service beside raw reads", title_justify="left")
    for column in COLUMNS:
        table.add_column(column, justify="right")
    for row in rows_of(runs):
        table.add_row(*row)
    return table


def markdown(
    runs: Sequence[Run],
    *,
    method: str,
    machine: Mapping[str, str],
    measured_at: datetime,
) -> str:
    """The report: what was measured, on what, with which result; `measured_at` in UTC."""
    lines = [
        "# The web service beside raw reads of HBase",
        "",
        f"{measured_at:%Y-%m-%d %H:%M} UTC. {method}",
        "",
        *markdown_table(COLUMNS, rows_of(runs)),
        "",
        "## Machine",
        "",
        *markdown_table(("what", "value"), list(machine.items())),
    ]
    return "\n".join(lines) + "\n"
