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
    Column(title="events/s", figure=lambda each: each.events_per_second, best=max),
    Column(title="CPU s per million", figure=lambda each: each.cpu_seconds_per_million, digits=1),
    Column(title="HBase's", figure=lambda each: each.hbase_cpu_seconds_per_million, digits=1),
    Column(title="Kafka's", figure=lambda each: each.kafka_cpu_seconds_per_million, digits=1),
    Column(title="peak MiB, PSS", figure=lambda each: each.peak_pss_mib),
    Column(title="peak MiB, RSS", figure=lambda each: each.peak_rss_mib),
    Column(title="stale rows", figure=lambda each: each.stale_rows),
)
_LATENCY: Sequence[Column] = (
    Column(title="p50 ms", figure=lambda each: each.p50_ms),
    Column(title="p99 ms", figure=lambda each: each.p99_ms),
    Column(title="p99.9 ms", figure=lambda each: each.p999_ms),
)


def ratio_table(found: Sequence[Ratio]) -> list[str]:
    """One row per ratio; what misses its aim says so."""
    rows = [
        (
            each.name,
            each.text,
            each.wanted,
            "" if not each.wanted else ("**missed**" if each.is_missed else "met"),
        )
        for each in found
    ]
    return markdown_table(("ratio", "measured", "aim", "outcome"), rows)


def throughput_table(results: Results, load: tuple[str, str]) -> list[str]:
    """Systems at full speed on one workload and key distribution."""
    own = [each for each in results.throughput if (each.workload, each.keys) == load]
    return _table(own, _THROUGHPUT)


def latency_table(results: Results, steady: tuple[str, float]) -> list[str]:
    """Systems at one steady rate."""
    own = [e for e in results.latency if (e.workload, e.events_per_second) == steady]
    return _table(own, _LATENCY)


def ceiling_table(figures: Figures, load: tuple[str, str]) -> list[str]:
    """Rows per second: ours, and HBase's alone; empty without the latter."""
    rows: Mapping[str, Rounds] = {
        f"{US}, rows written": rows_per_second(figures, load),
        f"{BARE}, rows written": rows_per_second(figures, load, BARE),
        "HBase, two clients that only put": figures.ceiling(load, lambda each: each.put),
        "HBase, two clients that only get": figures.ceiling(load, lambda each: each.get),
        "HBase, two clients that get, then put": figures.ceiling(
            load, lambda each: each.get_and_put
        ),
    }
    spreads = {name: spread_of(list(own.values())) for name, own in rows.items()}
    told = [(name, spread.text()) for name, spread in spreads.items() if spread]
    return markdown_table(("rows", "per second"), told) if told else []


def recovery_table(results: Results, workload: str) -> list[str]:
    """Systems that were killed: the quickest in bold, and who is exact."""
    own = [each for each in results.recovery if each.workload == workload]
    seconds = Column(title="seconds", figure=lambda each: each.seconds, digits=1)
    cells = _cells(_by_system(own), seconds)
    rows = []
    for name, rounds in _by_system(own).items():
        exact = "**yes**" if all(each.is_exact for each in rounds.values()) else "no"
        rows.append((name, cells[name], exact, _wrong(list(rounds.values()))))
    return markdown_table(("system", "seconds to a new row", "exact", "rows that tell"), rows)


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
    told = []
    for each in rounds:
        differ = "" if each.differing_rows is None else f", {each.differing_rows:,} differ"
        told.append(f"{each.missing_rows:,} missing{differ} of {each.rows:,}")
    return "; ".join(told)


Trial = Throughput | Latency | Recovery


def _by_system(trials: Sequence[Trial]) -> Mapping[str, Mapping[int, Any]]:
    """System → round → its result, in the order of the systems."""
    found: dict[str, dict[int, Any]] = {}
    for name in NAMES:
        own = {trial.round_number: trial for trial in trials if trial.system == name}
        if own:
            found[name] = own
    return found


def _table(trials: Sequence[Trial], columns: Sequence[Column]) -> list[str]:
    own = _by_system(trials)
    cells = [_cells(own, column) for column in columns]
    rows = [(name, *(column[name] for column in cells)) for name in own]
    return markdown_table(("system", *(column.title for column in columns)), rows)


def _cells(trials: Mapping[str, Mapping[int, Any]], column: Column) -> Mapping[str, str]:
    """System → the spread of its rounds; the best median is bold unless all are alike."""
    found = {}
    for name, rounds in trials.items():
        figures = [column.figure(each) for each in rounds.values()]
        spread = spread_of([figure for figure in figures if figure is not None])
        if spread is not None:
            found[name] = spread
    medians = [spread.median for spread in found.values()]
    best = column.best(medians) if len(set(medians)) > 1 else None
    told = dict.fromkeys(trials, "")
    for name, spread in found.items():
        text = spread.text(column.digits)
        told[name] = f"**{text}**" if spread.median == best else text
    return told
