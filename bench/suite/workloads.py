"""The two workloads: one that needs the newest event alone, one that needs each customer's past."""

from collections.abc import Mapping
from dataclasses import dataclass

from bench.suite.payments import payment_features, payments
from bench.suite.readings import reading_features, readings
from bench.suite.times import EventMaker, RowMaker
from scenarios.scenario import Scenario, load_scenario


@dataclass(frozen=True, kw_only=True)
class Workload:
    """What all systems do: `name` as the peers know it, our scenario, and how its data are made.

    feature_rows: made-up rows that the model is fitted on. has_history: whether a score depends on
    earlier events.
    """

    name: str
    scenario: str
    module: str
    events: EventMaker
    feature_rows: RowMaker
    has_history: bool

    def declared(self) -> Scenario:
        """The scenario; raises `UnknownScenario` when its module is not there."""
        return load_scenario(self.scenario, self.module)

    @property
    def topic(self) -> str:
        """The topic that all systems read."""
        return f"{self.scenario}.events"


WORKLOADS: Mapping[str, Workload] = {
    each.name: each
    for each in (
        Workload(
            name="stateless",
            scenario="numbers",
            module="bench.scenarios.numbers",
            events=readings,
            feature_rows=reading_features,
            has_history=False,
        ),
        Workload(
            name="stateful",
            scenario="fraud",
            module="scenarios.fraud.scenario",
            events=payments,
            feature_rows=payment_features,
            has_history=True,
        ),
    )
}
