"""Measure Everscore and its peers on one platform, in turn, and write a report with ratios."""

import math
import tempfile
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any

import typer
from typer import Option

from bench.peers.environments import peer_python
from bench.suite.measurements.results import Results
from bench.suite.plan import FULL, QUICK, Plan, UnknownChoice
from bench.suite.report.aims import ratios
from bench.suite.run import REPORT, Suite
from bench.suite.systems.catalogue import NAMES, US
from bench.suite.systems.peers_here import systems_here
from jobs.launcher.checkout import CHECKOUT
from jobs.launcher.outcome import ending_with_exit_code
from proofs.stage import own_platform
from reports.terminal import Terminal

_FAILED, _AIM_MISSED = 1, 5


def main(
    quick: Annotated[bool, Option("--quick", help="The ten-minute cut of the plan.")] = False,
    systems: Annotated[str | None, Option(help=f"Of {','.join(NAMES)}.")] = None,
    workloads: Annotated[str | None, Option(help="Of stateless,stateful.")] = None,
    keys: Annotated[str | None, Option(help="Of uniform,zipf.")] = None,
    parts: Annotated[str | None, Option(help="Of throughput,latency,recovery,surges.")] = None,
    rounds: Annotated[int | None, Option(min=1, help="Turns of every system.")] = None,
    rates: Annotated[str | None, Option(help="Events/s, for latency: 500,1000.")] = None,
    events: Annotated[int | None, Option(min=1000, help="On the topic, for throughput.")] = None,
    partitions: Annotated[int | None, Option(min=1, help="Of every topic.")] = None,
    report: Annotated[Path | None, Option(help="Folder of the report.")] = None,
    run_dir: Annotated[Path | None, Option(help="Measure on this running platform.")] = None,
    keep: Annotated[bool, Option("--keep", help="Keep the platform's folder and logs.")] = False,
    check: Annotated[bool, Option("--check", help="Exit code 5 when an aim is missed.")] = False,
) -> None:
    """Progress goes to stderr, the ratios to stdout; exit code 0 even where a peer wins."""
    console = Terminal(stderr=True)
    with ending_with_exit_code(console, verbose=False), ExitStack() as stack:
        numbers: dict[str, object] = {"events": events, "partitions": partitions}
        numbers |= {"rounds": rounds, "other_rounds": rounds, "rates": _rates(rates)}
        lists = {"systems": systems, "workloads": workloads, "keys": keys, "parts": parts}
        plan = _plan(QUICK if quick else FULL, {**numbers, **_split(lists)})
        folder = report or _default_folder(plan)
        console.print(f"plan: {plan.text()}", markup=False, highlight=False, soft_wrap=True)
        available, absent = systems_here(
            plan.systems, lambda peer: peer_python(peer, tell=console.print)
        )
        for name, reason in absent.items():
            console.print(f"{name} is absent: {reason}", markup=False, highlight=False)
        if run_dir is None:
            run_dir = stack.enter_context(own_platform(keep=keep, console=console))
        results = Suite(
            plan=plan,
            systems=available,
            absent=absent,
            run_dir=run_dir.resolve(),
            folder=folder,
            console=console,
        ).run()
        console.print(f"report: {folder / REPORT}", markup=False, highlight=False, soft_wrap=True)
    _end(results, check=check)


def _plan(base: Plan, given: dict[str, Any]) -> Plan:
    return replace(base, **{name: value for name, value in given.items() if value is not None})


def _split(lists: dict[str, str | None]) -> dict[str, list[str] | None]:
    return {
        name: None if text is None else [part.strip() for part in text.split(",")]
        for name, text in lists.items()
    }


def _rates(text: str | None) -> list[float] | None:
    try:
        rates = None if text is None else [float(part) for part in text.split(",")]
    except ValueError:
        rates = []
    if rates is not None and not (rates and all(0 < rate < math.inf for rate in rates)):
        raise UnknownChoice(f"--rates is {text!r}, expected events per second such as 500,1000")
    return rates


def _default_folder(plan: Plan) -> Path:
    """The documented place for the whole plan alone: anything less must not replace it."""
    if plan == FULL:
        return CHECKOUT / "docs" / "bench"
    return Path(tempfile.mkdtemp(prefix="everscore-bench-report-"))


def _end(results: Results, *, check: bool) -> None:
    all_ratios = ratios(results)
    for ratio in all_ratios:
        outcome = "" if not ratio.wanted else " MISSED" if ratio.is_missed else " met"
        aim = f" (aim {ratio.wanted}{outcome})" if ratio.wanted else ""
        print(f"{ratio.name}: {ratio.text}{aim}")
    if any(failure.system == US for failure in results.failures):
        print(f"a run of {US} failed; the report says which and why")
        raise typer.Exit(_FAILED)
    if check and any(ratio.is_missed for ratio in all_ratios):
        raise typer.Exit(_AIM_MISSED)


app = typer.Typer(add_completion=False, rich_markup_mode="rich")
app.command(
    help=__doc__,
    epilog="Example: python -m bench.suite --quick --systems everscore,plain --rounds 1",
)(main)

if __name__ == "__main__":
    app()
