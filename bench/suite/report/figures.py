"""Figures of a run by round, picked from the results, for the ratios."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from bench.suite.measurements.results import Ceiling, Latency, Results, Throughput
from bench.suite.report.ratios import fastest_of
from bench.suite.systems.catalogue import NAMES, RECIPES, US, Kind

Rounds = Mapping[int, float]


@dataclass(frozen=True)
class Figures:
    """Reads `results`; every method gives round → figure, empty where nothing was measured."""

    results: Results

    @property
    def loads(self) -> Sequence[tuple[str, str]]:
        """Workloads with their key distributions, in the order of measuring."""
        return list(
            dict.fromkeys((result.workload, result.keys) for result in self.results.throughput)
        )

    @property
    def steady_loads(self) -> Sequence[tuple[str, float]]:
        """Workloads with the rates that latency was measured at."""
        steady_loads = (
            (result.workload, result.events_per_second) for result in self.results.latency
        )
        return list(dict.fromkeys(steady_loads))

    def throughput(
        self, load: tuple[str, str], system: str, figure: Callable[[Throughput], float | None]
    ) -> Rounds:
        """A figure of the system's saturated runs."""
        results = [
            result
            for result in self.results.throughput
            if (result.workload, result.keys) == load and result.system == system
        ]
        figures = {result.round_number: figure(result) for result in results}
        return {number: value for number, value in figures.items() if value is not None}

    def rate(self, load: tuple[str, str], system: str) -> Rounds:
        """Events per second."""
        return self.throughput(load, system, lambda result: result.events_per_second)

    def fastest(self, load: tuple[str, str], kinds: Sequence[Kind]) -> Rounds:
        """The highest rate of any system of these kinds, round by round."""
        names = [recipe.name for recipe in RECIPES if recipe.kind in kinds]
        return fastest_of([self.rate(load, name) for name in names])

    def ceiling(self, load: tuple[str, str], figure: Callable[[Ceiling], float]) -> Rounds:
        """Rows per second of HBase alone."""
        return {
            ceiling.round_number: figure(ceiling)
            for ceiling in self.results.ceilings
            if (ceiling.workload, ceiling.keys) == load
        }

    def latency(
        self, steady: tuple[str, float], system: str, figure: Callable[[Latency], float]
    ) -> Rounds:
        """A percentile in milliseconds."""
        return {
            result.round_number: figure(result)
            for result in self.results.latency
            if (result.workload, result.events_per_second) == steady and result.system == system
        }

    def systems(self, workload: str) -> Sequence[str]:
        """The systems with any figure on `workload`, ours first."""
        results = self.results
        measured_names = {
            *(result.system for result in results.throughput if result.workload == workload),
            *(result.system for result in results.latency if result.workload == workload),
            *(result.system for result in results.recovery if result.workload == workload),
        }
        return [name for name in NAMES if name in measured_names]


def rows_per_second(figures: Figures, load: tuple[str, str], system: str = US) -> Rounds:
    """Rows that a query of ours wrote per second."""
    return figures.throughput(load, system, lambda result: result.rows_per_second)
