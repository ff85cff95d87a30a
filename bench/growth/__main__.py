"""Measure what an event costs as known customers and partitions grow; write a table and a plot."""

from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer
from typer import Option

from bench.growth.plan import GrowthPlan
from bench.growth.points import Point
from bench.growth.report import AIM_AT_A_MILLION, aim_ratio, draw, markdown
from bench.growth.sweep import Sweep
from bench.machine import described
from jobs.launcher.checkout import CHECKOUT
from jobs.launcher.outcome import ending_with_exit_code
from local.endpoints import read_endpoints
from proofs.stage import own_platform
from reports.terminal import Terminal

_AIM_MISSED = 5
_PAGE = "growth.md"
_DEFAULT = GrowthPlan()


def main(
    workload: Annotated[str, Option(help="stateless or stateful")] = _DEFAULT.workload,
    customers: Annotated[
        str, Option(help="Known customers, with commas between.")
    ] = "10000,100000,1000000,10000000",
    partitions: Annotated[str, Option(help="Partitions, with commas between.")] = "1,2,4,8",
    base_customers: Annotated[int, Option(min=1)] = _DEFAULT.base_customers,
    base_partitions: Annotated[int, Option(min=1)] = _DEFAULT.base_partitions,
    events: Annotated[int, Option(min=1000, help="Of each run.")] = _DEFAULT.events,
    rounds: Annotated[int, Option(min=1, help="Runs of sizes whose states fit.")] = _DEFAULT.rounds,
    report: Annotated[Path, Option(help="Folder of page and plot.")] = CHECKOUT / "docs" / "bench",
    run_dir: Annotated[Path | None, Option(help="Measure on this running platform.")] = None,
    keep: Annotated[bool, Option("--keep", help="Keep the platform's folder and logs.")] = False,
    check: Annotated[bool, Option("--check", help="Exit code 5 when the aim is missed.")] = False,
) -> None:
    """A run takes two to five minutes on two cores, of ten million customers ten; all of it 40."""
    console = Terminal(stderr=True)
    with ending_with_exit_code(console, verbose=False), ExitStack() as stack:
        plan = GrowthPlan(
            workload=workload,
            customers=_numbers("--customers", customers),
            partitions=_numbers("--partitions", partitions),
            base_customers=base_customers,
            base_partitions=base_partitions,
            events=events,
            rounds=rounds,
        )
        console.print(plan.text(), highlight=False)
        if run_dir is None:
            run_dir = stack.enter_context(own_platform(keep=keep, console=console))
        machine = described(read_endpoints(run_dir.resolve()).versions)

        def write(points: list[Point]) -> None:
            report.mkdir(parents=True, exist_ok=True)
            now = datetime.now(UTC)
            text = markdown(points, plan, machine=machine, measured_at=now)
            (report / _PAGE).write_text(text, encoding="utf-8")
            draw(points, plan, report)

        points = Sweep(plan=plan, run_dir=run_dir.resolve(), console=console, save=write).run()
    console.print(f"report: {report / _PAGE}", markup=False, highlight=False, soft_wrap=True)
    growth_ratio = aim_ratio(points, plan)
    if growth_ratio is not None:
        print(
            f"a million customers / ten thousand: {growth_ratio.text(2)} (aim ≤ {AIM_AT_A_MILLION})"
        )
        if check and growth_ratio.median > AIM_AT_A_MILLION:
            raise typer.Exit(_AIM_MISSED)


def _numbers(option: str, text: str) -> list[int]:
    try:
        numbers = [int(part) for part in text.split(",")]
    except ValueError:
        numbers = []
    if not numbers or min(numbers) < 1:
        raise typer.BadParameter(
            f"{option} is {text!r}, expected whole numbers such as 10000,20000"
        )
    return numbers


app = typer.Typer(add_completion=False, rich_markup_mode="rich")
app.command(
    help=__doc__,
    epilog="Example: python -m bench.growth --customers 10000,1000000 --partitions 2 --rounds 3",
)(main)

if __name__ == "__main__":
    app()
