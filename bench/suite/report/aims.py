"""The ratios that matter, their limits, and which of them are missed."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from bench.suite.measurements.results import Latency, Results
from bench.suite.report.figures import Figures, rows_per_second
from bench.suite.report.ratios import Spread, ratio_of
from bench.suite.systems.catalogue import BARE, PLAIN, REAL_TIME, US, Kind

_PEERS = (Kind.COMMON, Kind.EXPERT)
# (workload, keys) → at least this many times the fastest common peer, the expert.
_OF_COMMON = {("stateless", "uniform"): 1.3, ("stateless", "zipf"): 1.5}
_OF_EXPERT = {("stateless", "uniform"): 1.0, ("stateless", "zipf"): 1.0}
_OF_ANY = {("stateful", "uniform"): 1.0, ("stateful", "zipf"): 1.0}
# With skewed keys a batch holds fewer rows than events: what HBase can do is no limit then.
_OF_CEILING = {("stateless", "uniform"): 0.8}
_OF_LATENCY = {("stateless", 1_000.0): (6.0, 1.5)}
# Real-time mode: at most so many times the plain loop, and micro-batches at least so many times it.
_REAL_TIME_OF_LOOP = {("stateless", 1_000.0): (1.5, 2.5)}
_MICRO_BATCH_OF_REAL_TIME = {("stateless", 1_000.0): 3.0}
_REAL_TIME_CATCHING_UP = 0.7  # of the rate of micro-batches


@dataclass(frozen=True, kw_only=True)
class Ratio:
    """A ratio over the rounds and, where one was set, the limit for its median."""

    name: str
    spread: Spread
    at_least: float | None = None
    at_most: float | None = None
    digits: int = 2

    @property
    def text(self) -> str:
        """The spread as people read it."""
        return self.spread.text(self.digits)

    @property
    def wanted(self) -> str:
        """The limit as people write it."""
        if self.at_least is not None:
            return f"≥ {self.at_least:g}"
        return "" if self.at_most is None else f"≤ {self.at_most:g}"

    @property
    def is_missed(self) -> bool:
        """Whether the median breaks the limit."""
        low = self.at_least is not None and self.spread.median < self.at_least
        return low or (self.at_most is not None and self.spread.median > self.at_most)


def ratios(results: Results) -> Sequence[Ratio]:
    """All ratios that the results allow."""
    figures = Figures(results)
    return [*_of_throughput(figures), *_of_latency(figures), *_of_recovery(results)]


def _of_throughput(figures: Figures) -> Iterator[Ratio]:
    for load in figures.loads:
        our_rates, where = figures.rate(load, US), f"{load[0]}, {load[1]} keys"
        catching_up = ratio_of(figures.rate(load, REAL_TIME), our_rates)
        if catching_up is not None:
            name = f"{where}: events/s: real-time mode / micro-batches"
            yield Ratio(name=name, spread=catching_up, at_least=_REAL_TIME_CATCHING_UP)
        rows = rows_per_second(figures, load)
        bare_rows = rows_per_second(figures, load, BARE)
        for name, spread, limits in (
            (
                "events/s: us / fastest common peer",
                ratio_of(our_rates, figures.fastest(load, [Kind.COMMON])),
                _OF_COMMON,
            ),
            (
                "events/s: us / expert's loop",
                ratio_of(our_rates, figures.fastest(load, [Kind.EXPERT])),
                _OF_EXPERT,
            ),
            (
                "events/s: us / fastest peer of all",
                ratio_of(our_rates, figures.fastest(load, _PEERS)),
                _OF_ANY,
            ),
            (
                "rows/s: us / HBase that only puts",
                ratio_of(rows, figures.ceiling(load, lambda ceiling: ceiling.put)),
                _OF_CEILING,
            ),
            (
                "rows/s: us / HBase that gets and puts",
                ratio_of(rows, figures.ceiling(load, lambda ceiling: ceiling.get_and_put)),
                {},
            ),
            (
                "rows/s: bare trigger / HBase that only puts",
                ratio_of(bare_rows, figures.ceiling(load, lambda ceiling: ceiling.put)),
                {},
            ),
        ):
            if spread is not None:
                yield Ratio(name=f"{where}: {name}", spread=spread, at_least=limits.get(load))


def _of_latency(figures: Figures) -> Iterator[Ratio]:
    for steady in figures.steady_loads:
        limits = _OF_LATENCY.get(steady, (None, None))
        where = f"{steady[0]}, {steady[1]:,.0f} events/s"
        for percentile, figure, limit in (("p50", _p50, limits[0]), ("p99", _p99, limits[1])):
            plain = figures.latency(steady, PLAIN, figure)
            real_time_limits = _REAL_TIME_OF_LOOP.get(steady, (None, None))
            real_time_limit = real_time_limits[0 if percentile == "p50" else 1]
            for system, label, at_most in (
                (US, "us", limit),
                (REAL_TIME, "real-time mode", real_time_limit),
                (BARE, "bare trigger", None),
            ):
                spread = ratio_of(figures.latency(steady, system, figure), plain)
                if spread is not None:
                    name = f"{where}: {percentile}: {label} / plain loop"
                    yield Ratio(name=name, spread=spread, at_most=at_most)
            real_time = figures.latency(steady, REAL_TIME, figure)
            spread = ratio_of(figures.latency(steady, US, figure), real_time)
            if spread is not None:
                name = f"{where}: {percentile}: micro-batches / real-time mode"
                at_least = _MICRO_BATCH_OF_REAL_TIME.get(steady)
                yield Ratio(name=name, spread=spread, at_least=at_least)


def _p50(latency: Latency) -> float:
    return latency.p50_ms


def _p99(latency: Latency) -> float:
    return latency.p99_ms


def _of_recovery(results: Results) -> Iterator[Ratio]:
    """Rows that a kill changed or lost, of ours: none is the aim."""
    for workload in dict.fromkeys(recovery.workload for recovery in results.recovery):
        wrong = [
            float(recovery.missing_rows + (recovery.differing_rows or 0))
            for recovery in results.recovery
            if recovery.system == US and recovery.workload == workload
        ]
        if wrong:
            spread = Spread(max(wrong), min(wrong), max(wrong), len(wrong))
            name = f"{workload}: rows of ours that a kill left missing or different"
            yield Ratio(name=name, spread=spread, at_most=0.0, digits=0)
