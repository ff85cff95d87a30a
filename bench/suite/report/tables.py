"""The report's tables: one row per system, the winner of each column in bold."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from bench.markdown import markdown_table
from bench.suite.measurements.results import Latency, Recovery, Results, Throughput
from bench.suite.report.aims import Ratio
from bench.suite.report.figures import Figures, Rounds, rows_per_second
from bench.suite.report.ratios import spread_of
from bench.suite.systems.catalogue import BARE, NAMES, US


@dataclass(frozen=True, kw_only=True)
class Column:
    """A column of figures of one kind of result; `best` chooses the winner among medians."""

    title: str
    figure: Callable[[Any], float | None]
    digits: int = 0
    best: Callable[[Sequence[float]], float] = min


_THROUGHPUT: Sequence[Column] = (
    Column(title="events/s", figure=lambda trial: trial.events_per_second, best=max),
    Column(title="CPU s per million", figure=lambda trial: trial.cpu_seconds_per_million, digits=1),
    Column(title="HBase's", figure=lambda trial: trial.hbase_cpu_seconds_per_million, digits=1),
    Column(title="Kafka's", figure=lambda trial: trial.kafka_cpu_seconds_per_million, digits=1),
    Column(title="peak MiB, PSS", figure=lambda trial: trial.peak_pss_mib),
    Column(title="peak MiB, RSS", figure=lambda trial: trial.peak_rss_mib),
    Column(title="stale rows", figure=lambda trial: trial.stale_rows),
)
_LATENCY: Sequence[Column] = (
    Column(title="p50 ms", figure=lambda trial: trial.p50_ms),
    Column(title="p99 ms", figure=lambda trial: trial.p99_ms),
    Column(title="p99.9 ms", figure=lambda trial: trial.p999_ms),
    Column(title="first minute, p50 ms", figure=lambda trial: trial.first_p50_ms),
    Column(title="first minute, p99 ms", figure=lambda trial: trial.first_p99_ms),
    Column(title="CPU ms per event", figure=lambda trial: trial.cpu_ms_per_event, digits=2),
)


def ratio_table(ratios: Sequence[Ratio]) -> list[str]:
    """One row per ratio; what misses its aim says so."""
    rows = [
        (
            ratio.name,
            ratio.text,
            ratio.wanted,
            "" if not ratio.wanted else ("**missed**" if ratio.is_missed else "met"),
        )
        for ratio in ratios
    ]
    return markdown_table(("ratio", "measured", "aim", "outcome"), rows)


def throughput_table(results: Results, load: tuple[str, str]) -> list[str]:
    """Systems at full speed on one workload and key distribution."""
    trials = [trial for trial in results.throughput if (trial.workload, trial.keys) == load]
    return _table(trials, _THROUGHPUT)


def latency_table(results: Results, steady: tuple[str, float]) -> list[str]:
    """Systems at one steady rate."""
    trials = [
        trial for trial in results.latency if (trial.workload, trial.events_per_second) == steady
    ]
    return _table(trials, _LATENCY)


def ceiling_table(figures: Figures, load: tuple[str, str]) -> list[str]:
    """Rows per second: ours, and HBase's alone; empty without the latter."""
    rows: Mapping[str, Rounds] = {
        f"{US}, rows written": rows_per_second(figures, load),
        f"{BARE}, rows written": rows_per_second(figures, load, BARE),
        "HBase, two clients that only put": figures.ceiling(load, lambda ceiling: ceiling.put),
        "HBase, two clients that only get": figures.ceiling(load, lambda ceiling: ceiling.get),
        "HBase, two clients that get, then put": figures.ceiling(
            load, lambda ceiling: ceiling.get_and_put
        ),
    }
    spreads = {name: spread_of(list(rounds.values())) for name, rounds in rows.items()}
    cells = [(name, spread.text()) for name, spread in spreads.items() if spread]
    return markdown_table(("rows", "per second"), cells) if cells else []


def recovery_table(results: Results, workload: str) -> list[str]:
    """Systems that were killed: the quickest in bold, and who is exact."""
    trials = [trial for trial in results.recovery if trial.workload == workload]
    seconds = Column(title="seconds", figure=lambda trial: trial.seconds, digits=1)
    cells = _cells(_by_system(trials), seconds)
    rows = []
    for name, rounds in _by_system(trials).items():
        exact = "**yes**" if all(trial.is_exact for trial in rounds.values()) else "no"
        rows.append((name, cells[name], exact, _wrong(list(rounds.values()))))
    return markdown_table(
        ("system", "seconds to a new row", "exact", "rows missing or different"), rows
    )


def surge_table(results: Results, workload: str) -> list[str]:
    """One row per run through a surge."""
    rows = [
        (
            f"{surge.surge}, {surge.system}",
            f"{surge.before_p50_ms:,.0f} / {surge.before_p99_ms:,.0f}",
            f"{surge.in_p50_ms:,.0f} / {surge.in_p99_ms:,.0f}",
            f"{surge.after_p50_ms:,.0f} / {surge.after_p99_ms:,.0f}",
            "not" if surge.back_seconds is None else f"{surge.back_seconds:,.0f}",
            f"{surge.before_pss_mib:,.0f}, {surge.peak_pss_mib:,.0f}",
            f"{surge.stale_rows:,}",
            "" if surge.dropped is None else f"{surge.dropped:,}",
        )
        for surge in results.surges
        if surge.workload == workload
    ]
    titles = (
        "surge",
        "before, p50 / p99 ms",
        "in it",
        "after it",
        "as before after, s",
        "MiB before, at most",
        "stale rows",
        "events beyond the window buffer",
    )
    return markdown_table(titles, rows)


def _wrong(rounds: Sequence[Recovery]) -> str:
    """Per round: rows that never came, rows that differ, of all."""
    texts = []
    for trial in rounds:
        differ = "" if trial.differing_rows is None else f", {trial.differing_rows:,} differ"
        texts.append(f"{trial.missing_rows:,} missing{differ} of {trial.rows:,}")
    return "; ".join(texts)


Trial = Throughput | Latency | Recovery


def _by_system(trials: Sequence[Trial]) -> Mapping[str, Mapping[int, Any]]:
    """System → round → its result, in the order of the systems."""
    rounds_by_system: dict[str, dict[int, Any]] = {}
    for name in NAMES:
        rounds = {trial.round_number: trial for trial in trials if trial.system == name}
        if rounds:
            rounds_by_system[name] = rounds
    return rounds_by_system


def _table(trials: Sequence[Trial], columns: Sequence[Column]) -> list[str]:
    rounds_by_system = _by_system(trials)
    cells = [_cells(rounds_by_system, column) for column in columns]
    rows = [(name, *(column[name] for column in cells)) for name in rounds_by_system]
    return markdown_table(("system", *(column.title for column in columns)), rows)


def _cells(trials: Mapping[str, Mapping[int, Any]], column: Column) -> Mapping[str, str]:
    """System → the spread of its rounds; the best median is bold unless all are alike."""
    spreads = {}
    for name, rounds in trials.items():
        figures = [column.figure(trial) for trial in rounds.values()]
        spread = spread_of([figure for figure in figures if figure is not None])
        if spread is not None:
            spreads[name] = spread
    medians = [spread.median for spread in spreads.values()]
    best = column.best(medians) if len(set(medians)) > 1 else None
    cells = dict.fromkeys(trials, "")
    for name, spread in spreads.items():
        text = spread.text(column.digits)
        cells[name] = f"**{text}**" if spread.median == best else text
    return cells
