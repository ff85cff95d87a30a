"""Runs our stream once per setting and round, each time over freshly loaded states."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from rich.console import Console

from bench.growth.known import make_known
from bench.growth.plan import BATCH_ROWS, GrowthPlan, in_turns
from bench.growth.points import Point, Setting
from bench.growth.quiet import wait_until_quiet
from bench.programs import started_stream
from bench.suite.load.sample_history import CUSTOMERS, sample_history
from bench.suite.load.workloads import WORKLOADS
from bench.suite.measurements import ceiling
from bench.suite.measurements.throughput import Filled, measured
from bench.suite.systems.catalogue import OURS, System
from bench.suite.systems.ground import Ground, ground_of
from bench.suite.systems.place import Place
from jobs.launcher.child_jobs import ChildJob
from reports.steps import timed_step

# A turn of a million customers takes them about this long; the first one is not measured.
_ALONE_SECONDS = 25.0
_WARM_UP_ROUND = 0


def _start(ground: Ground, place: Place, log_name: str) -> ChildJob:
    overrides = (f"stream.batch_rows={BATCH_ROWS}",)
    return started_stream(ground.stage, place.name, overrides=overrides, log_name=log_name)


_SYSTEM = System(name=OURS.name, meaning=OURS.meaning, kind=OURS.kind, start=_start)


@dataclass
class Sweep:
    """Goes through the plan; `save` is called with all points after each of them."""

    plan: GrowthPlan
    run_dir: Path
    console: Console
    save: Callable[[list[Point]], None]
    points: list[Point] = field(default_factory=list)

    def run(self) -> list[Point]:
        """All rounds, after a run of the first setting that does not count."""
        # HBase has just started and compiles itself: the first run would pay for that.
        self._point(self.plan.settings(1)[0], _WARM_UP_ROUND)
        for round_number in range(1, self.plan.rounds + 1):
            for setting in self.plan.settings(round_number):
                self.points.append(self._point(setting, round_number))
                self.save(self.points)
        return self.points

    def _point(self, setting: Setting, round_number: int) -> Point:
        customers, partitions = setting
        workload = WORKLOADS[self.plan.workload]
        ground = ground_of(self.run_dir, workload, partitions=partitions, console=self.console)
        loaded = ground.filled(in_turns(customers, events=self.plan.events))
        place = ground.place(f"g{int(time.time())}")
        try:
            with timed_step(f"{customers:,} customers become known", self.console):
                self._load(ground, place, customers)
            filled = Filled(ground=ground, keys="in turns", loaded=loaded)
            throughput = measured(filled, _SYSTEM, place, round_number=round_number)
            alone = None
            if round_number == 1 and self.plan.met_again(setting):
                with timed_step("HBase alone", self.console):
                    alone = self._alone(ground, place, customers)
        finally:
            ground.clear(place)
        self.console.print(
            f"{_name(round_number)}, {customers:,} customers, {partitions} partitions: "
            f"{throughput.events_per_second:,.0f} events/s, {throughput.stale_rows} rows stale",
            highlight=False,
        )
        return Point(
            customers=customers,
            partitions=partitions,
            round_number=round_number,
            events_per_second=throughput.events_per_second,
            own_cpu_us=throughput.cpu_seconds_per_million,
            hbase_cpu_us=throughput.hbase_cpu_seconds_per_million,
            alone_rows_per_second=alone,
        )

    def _alone(self, ground: Ground, place: Place, customers: int) -> float:
        """What HBase takes of such rows from clients that do nothing else, on the same table."""
        rows = ground.stage.run_dir / "bench" / f"{place.name}.rows"
        ceiling.save_some_rows(
            place, rows, [str(customer) for customer in range(min(customers, CUSTOMERS))]
        )
        return ceiling.put_rate(
            place,
            rows,
            customers=customers,
            batch_rows=BATCH_ROWS,
            warm_up_seconds=_ALONE_SECONDS,
            seconds=_ALONE_SECONDS,
            first_offset=self.plan.events,
        )

    def _load(self, ground: Ground, place: Place, customers: int) -> None:
        now_ms = int(time.time() * 1000)
        history = sample_history(ground.workload, ground.scenario, until_ms=now_ms)
        make_known(place, ground.scenario.codec.encode(history.states), customers=customers)
        processes = ground.endpoints.processes
        if not wait_until_quiet([processes["hbase"].pid]):
            self.console.print("HBase is still busy; measured all the same", highlight=False)


def _name(round_number: int) -> str:
    return "warm-up" if round_number == _WARM_UP_ROUND else f"round {round_number}"
