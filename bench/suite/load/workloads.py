"""The two workloads: one that needs the newest event alone, one that needs each customer's past."""

from collections.abc import Mapping
from dataclasses import dataclass

from bench.suite.load.simulated_events import payments, readings
from bench.suite.load.times import EventMaker
from scenarios.contract.scenario import Scenario, load_scenario


@dataclass(frozen=True, kw_only=True)
class Workload:
    """What all systems do: `name` as the peers know it, our scenario, and how its events are made.

    has_history: whether a score depends on earlier events.
    """

    name: str
    scenario: str
    module: str
    events: EventMaker
    has_history: bool

    def declared(self) -> Scenario:
        """The scenario; raises `UnknownScenario` when its module is not there."""
        return load_scenario(self.scenario, self.module)

    @property
    def topic(self) -> str:
        """The topic that all systems read."""
        return f"{self.scenario}.events"


WORKLOADS: Mapping[str, Workload] = {
    workload.name: workload
    for workload in (
        Workload(
            name="stateless",
            scenario="numbers",
            module="bench.scenarios.numbers",
            events=readings,
            has_history=False,
        ),
        Workload(
            name="stateful",
            scenario="cards",
            module="bench.scenarios.cards",
            events=payments,
            has_history=True,
        ),
    )
}
