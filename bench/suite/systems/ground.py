"""The ground that all systems of a workload stand on: platform, topics, tables, one model."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from rich.console import Console

from bench.suite.load.keys import Customers
from bench.suite.load.sample_history import sample_history
from bench.suite.load.topics import Loaded, fill, remade
from bench.suite.load.workloads import Workload
from bench.suite.systems.place import Place
from conf.settings import Settings
from jobs.launcher.kafka_options import client_options
from jobs.launcher.run import Run
from jobs.wiring.table_making import make_tables
from jobs.wiring.topics_and_tables import scenario_tables, scenario_topics
from local.endpoints import Endpoints, read_endpoints
from local.tables import drop_table
from proofs.fitted_model import Fitted, fitted
from proofs.stage import Stage, settings_in, stage_in
from scenarios.contract.scenario import Scenario
from stores.kafka.topic_plan import TopicSpec
from stores.records.deployments import write_deployment

# Where the peers publish; made with the same configuration as our own topic of predictions.
OUTPUT_TOPIC = "bench.predictions"
# The newest, whose windows are filled; more would only take longer to fit.
_FITTED_ROWS = 10_000


@dataclass(frozen=True, kw_only=True)
class Ground:
    """A workload on a running platform; `partitions` are those of every topic."""

    workload: Workload
    scenario: Scenario
    stage: Stage
    settings: Settings
    model: Fitted
    partitions: int

    @property
    def endpoints(self) -> Endpoints:
        """The platform's addresses and processes."""
        return read_endpoints(self.stage.run_dir)

    @property
    def client_options(self) -> Mapping[str, Any]:
        """Options of every kafka-python client."""
        return client_options(self.settings.kafka)

    def new_topics(self) -> None:
        """Create all topics again, empty."""
        remade(self.stage.kafka, self._topics(), partitions=self.partitions)

    def new_outputs(self) -> None:
        """Empty the topics that systems publish to; the events stay."""
        inputs = (self.workload.topic, f"{self.scenario.name}.labels")
        outputs = [spec for spec in self._topics() if spec.name not in inputs]
        remade(self.stage.kafka, outputs, partitions=self.partitions)

    def filled(self, customers: Customers) -> Loaded:
        """Create all topics again and publish an event for each of `customers`."""
        self.new_topics()
        return fill(
            self.workload,
            customers,
            partitions=self.partitions,
            client_options=self.client_options,
        )

    def place(self, name: str) -> Place:
        """Empty tables in the namespace `name`, made alike for every system; our model in them."""
        store = replace(self.stage.store, namespace=name)
        make_tables(self.settings, store, scenario_tables(self._run))
        write_deployment(store, self.model.deployment)
        folder = self.stage.run_dir / "bench" / name
        folder.mkdir(parents=True, exist_ok=True)
        return Place(
            name=name,
            store=store,
            table=self.scenario.name,
            topic=self.workload.topic,
            output_topic=OUTPUT_TOPIC,
            folder=folder,
        )

    def clear(self, place: Place) -> None:
        """Drop the place's large tables: what HBase would flush and compact for nobody."""
        for spec in scenario_tables(self._run):
            if spec.splits:
                drop_table(self.endpoints, table=f"{place.store.namespace}:{spec.name}")

    @property
    def _run(self) -> Run:
        return Run(settings=self.settings, scenario=self.scenario, console=self.stage.console)

    def _topics(self) -> Sequence[TopicSpec]:
        topics = scenario_topics(self._run)
        (alike,) = (spec for spec in topics if spec.name == self.scenario.topic("predictions"))
        return (*topics, TopicSpec(OUTPUT_TOPIC, alike.configs))


def ground_of(run_dir: Path, workload: Workload, *, partitions: int, console: Console) -> Ground:
    """The ground on the platform in `run_dir`; raises `UnknownScenario`."""
    scenario = workload.declared()
    overrides = (
        f"scenarios.{workload.scenario}={workload.module}",
        f"kafka.partitions={partitions}",
    )
    folder = run_dir / "bench" / workload.name
    history = sample_history(workload, scenario, until_ms=int(time.time() * 1000))
    return Ground(
        workload=workload,
        scenario=scenario,
        stage=stage_in(run_dir, workload.scenario, console=console, overrides=overrides),
        settings=settings_in(run_dir, overrides),
        model=fitted(scenario, history.features[-_FITTED_ROWS:], folder),
        partitions=partitions,
    )
