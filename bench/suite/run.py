"""The plan on a running platform, from the first topic to the report."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from rich.console import Console

from bench.machine import described
from bench.suite.attempts import Attempts
from bench.suite.load.workloads import WORKLOADS
from bench.suite.measurements.results import Results
from bench.suite.plan import Plan
from bench.suite.report.charts import draw
from bench.suite.report.page import Measured, markdown
from bench.suite.report.results_file import write_results
from bench.suite.rounds import (
    latency_rounds,
    recovery_rounds,
    surge_rounds,
    throughput_rounds,
)
from bench.suite.systems.catalogue import System
from bench.suite.systems.ground import ground_of
from local.endpoints import read_endpoints
from scenarios.contract.scenario import UnknownScenario

REPORT = "README.md"
_ROUNDS = {
    "throughput": throughput_rounds,
    "latency": latency_rounds,
    "recovery": recovery_rounds,
    "surges": surge_rounds,
}


@dataclass(frozen=True, kw_only=True)
class Suite:
    """What is run, where, with which systems; `absent` names those that cannot be, with reasons."""

    plan: Plan
    systems: Mapping[str, System]
    absent: Mapping[str, str]
    run_dir: Path
    folder: Path
    console: Console

    def run(self) -> Results:
        """Measure everything and write the report into `folder`."""
        machine = described(read_endpoints(self.run_dir).versions)
        attempts = Attempts(
            plan=self.plan,
            systems=self.systems,
            console=self.console,
            save=lambda results: write_results(results, self.folder),
        )
        attempts.results.absent.update(self.absent)
        for name in self.plan.workloads:
            self._measure(attempts, name)
            self._report(attempts.results, machine)
        return attempts.results

    def _measure(self, attempts: Attempts, workload: str) -> None:
        try:
            ground = ground_of(
                self.run_dir,
                WORKLOADS[workload],
                partitions=self.plan.partitions,
                console=self.console,
            )
        except UnknownScenario as error:
            attempts.results.absent[f"workload {workload}"] = str(error)
            attempts.tell(f"workload {workload} is left out: {error}")
            return
        for part in self.plan.parts_of(workload):
            _ROUNDS[part](attempts, ground)

    def _report(self, results: Results, machine: Mapping[str, str]) -> None:
        write_results(results, self.folder)
        measured = Measured(
            results=results,
            plan=self.plan,
            machine=machine,
            measured_at=datetime.now(UTC),
            charts=draw(results, self.folder),
        )
        (self.folder / REPORT).write_text(markdown(measured), encoding="utf-8")
