"""Latency of the least that a micro-batch can do, beside our stream and the plain loop.

What the bare trigger takes is Spark's: no work on the pass can bring the stream below it.
"""

import sys
import time
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table
from typer import Option

from bench.load import Load
from bench.peer_environments import peer_python
from bench.stage import own_platform
from bench.suite import latency
from bench.suite.ground import Ground, ground_of
from bench.suite.latency import SteadyLoad
from bench.suite.peers_here import systems_here
from bench.suite.place import Place
from bench.suite.plan import rotated
from bench.suite.ratios import ratio_of, spread_of
from bench.suite.results import Latency
from bench.suite.systems import PLAIN, US, Kind, System
from bench.suite.workloads import WORKLOADS
from bench.systems import started_program
from jobs.child_jobs import ChildJob
from jobs.outcome import ending_with_exit_code

BARE = "bare-trigger"


def _start(ground: Ground, place: Place, log_name: str) -> ChildJob:
    stage = ground.stage
    settings = (
        f"platform.run_dir={stage.run_dir}",
        f"hbase.namespace={place.name}",
        f"stream.checkpoint_root={stage.run_dir / 'checkpoints' / place.name}",
        *stage.overrides,
    )
    command = [sys.executable, "-m", "bench.bare_trigger", f"--scenario={stage.scenario}"]
    command += [f"--set={each}" for each in settings]
    return started_program(BARE, command, log=stage.log(log_name), ready="putting ")


_BARE = System(name=BARE, meaning="a micro-batch that only puts", kind=Kind.US, start=_start)


def main(
    rate: Annotated[float, Option(min=1, help="Events per second.")] = 1000.0,
    seconds: Annotated[float, Option(min=5, help="Measured time of each run.")] = 20.0,
    warm_up_seconds: Annotated[float, Option(min=0, help="Load before it.")] = 90.0,
    rounds: Annotated[int, Option(min=1, help="Runs of each system, in turn.")] = 2,
    run_dir: Annotated[Path | None, Option(help="Measure on this running platform.")] = None,
    keep: Annotated[bool, Option("--keep", help="Keep the platform's folder and logs.")] = False,
) -> None:
    """The last line holds the ratios of the 99th percentiles, made round by round."""
    console = Console(stderr=True)
    load = Load(events_per_second=rate, warm_up_seconds=warm_up_seconds, seconds=seconds)
    with ending_with_exit_code(console, verbose=False), ExitStack() as stack:
        found, absent = systems_here(
            (US, PLAIN), lambda peer: peer_python(peer, tell=console.print)
        )
        for name, reason in absent.items():
            console.print(f"{name} is absent: {reason}", markup=False, highlight=False)
        if run_dir is None:
            run_dir = stack.enter_context(own_platform(keep=keep, console=console))
        workload = WORKLOADS["stateless"]
        ground = ground_of(run_dir.resolve(), workload, partitions=2, console=console)
        systems = {**found, BARE: _BARE}
        results = _measured(ground, systems, SteadyLoad(load=load, keys="uniform"), rounds=rounds)
    Console().print(_table(results, list(systems)))
    ratios = [
        f"{one} / {other} {spread.text(2)}"
        for one, other in ((BARE, PLAIN), (US, PLAIN), (US, BARE))
        if (spread := ratio_of(_p99s(results, one), _p99s(results, other)))
    ]
    print(f"p99: {', '.join(ratios)}")


def _measured(
    ground: Ground, systems: Mapping[str, System], steady: SteadyLoad, *, rounds: int
) -> list[Latency]:
    results = []
    for number in range(1, rounds + 1):
        for name in rotated(list(systems), number):
            place = ground.place(f"f{int(time.time())}_{name.replace('-', '_')}")
            try:
                found = latency.measured(
                    ground, systems[name], place, steady=steady, round_number=number
                )
            finally:
                ground.clear(place)
            ground.stage.tell(
                f"round {number}, {name}: p50 {found.p50_ms:.0f} p99 {found.p99_ms:.0f} ms "
                f"of {found.samples:,} samples"
            )
            results.append(found)
    return results


def _p99s(results: Sequence[Latency], system: str) -> dict[int, float]:
    return {each.round_number: each.p99_ms for each in results if each.system == system}


def _table(results: Sequence[Latency], names: Sequence[str]) -> Table:
    table = Table(title="event to readable row, ms", title_justify="left")
    for column in ("system", "p50", "p99", "p99.9"):
        table.add_column(column, justify="left" if column == "system" else "right")
    for name in names:
        own = [each for each in results if each.system == name]
        figures = [[getattr(each, key) for each in own] for key in ("p50_ms", "p99_ms", "p999_ms")]
        spreads = [spread_of(each) for each in figures]
        table.add_row(name, *(each.text(0) for each in spreads if each))
    return table


app = typer.Typer(add_completion=False, rich_markup_mode="rich")
app.command(help=__doc__, epilog="Example: python -m bench.trigger_floor --rounds 1")(main)

if __name__ == "__main__":
    app()
