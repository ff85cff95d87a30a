"""How long from an event to its readable row: the stream beside a plain consumer loop."""

from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer
from typer import Option

from bench.latency.figures import comparison
from bench.latency.systems import LoopSystem, StreamSystem
from bench.latency.tables import markdown, pooled, table_of
from bench.latency.trial import System, Trial, measured
from bench.machine import described
from jobs.launcher.outcome import ending_with_exit_code
from local.endpoints import read_endpoints
from proofs.load import Load
from proofs.stage import Stage, own_stage, stage_in
from reports.terminal import Terminal

_SCENARIO = "churn"


def main(
    rate: Annotated[float, Option(min=1, help="Events per second.")] = 1000.0,
    seconds: Annotated[float, Option(min=5, help="Measured time of each run.")] = 60.0,
    warm_up_seconds: Annotated[float, Option(min=0, help="Load before it.")] = 20.0,
    rounds: Annotated[int, Option(min=1, help="Runs of each system, in turn.")] = 2,
    keep: Annotated[bool, Option("--keep", help="Keep the platform's folder and logs.")] = False,
    report: Annotated[Path | None, Option(help="Write a Markdown report here.")] = None,
    run_dir: Annotated[
        Path | None, Option(help="Measure on this running platform, its history and its model.")
    ] = None,
    overrides: Annotated[
        list[str] | None, Option("--set", help="Setting of the stream alone, to try it.")
    ] = None,
) -> None:
    """Measure both systems in turn on one platform; the last line holds figures and ratios."""
    console = Terminal(stderr=True)
    load = Load(events_per_second=rate, warm_up_seconds=warm_up_seconds, seconds=seconds)
    with ending_with_exit_code(console, verbose=False), ExitStack() as stack:
        if run_dir is None:
            stage = stack.enter_context(own_stage(_SCENARIO, keep=keep, console=console))
        else:
            stage = stage_in(run_dir.resolve(), _SCENARIO, console=console)
        machine = described(read_endpoints(stage.run_dir).versions)
        trials = _trials(stage, load, rounds=rounds, overrides=overrides or [])
    last_line = comparison(stream=pooled(trials, "stream"), loop=pooled(trials, "loop"))
    for system in ("loop", "stream"):
        Terminal().print(table_of(trials, system))
    if report is not None:
        now = datetime.now(UTC)
        text = markdown(trials, load=load, machine=machine, last_line=last_line, measured_at=now)
        report.write_text(text, encoding="utf-8")
        console.print(f"report: {report}", markup=False, highlight=False)
    print(last_line)


def _trials(stage: Stage, load: Load, *, rounds: int, overrides: list[str]) -> list[Trial]:
    """Loop, stream, stream, loop, …: what drifts on the machine meets both alike."""
    systems: dict[str, System] = {
        "loop": LoopSystem(stage),
        "stream": StreamSystem(stage, overrides),
    }
    trials = []
    for round_number in range(1, rounds + 1):
        names = list(systems) if round_number % 2 else list(reversed(systems))
        for name in names:
            trial = measured(name, systems[name], stage=stage, load=load, round_number=round_number)
            trials.append(trial)
    return trials


app = typer.Typer(add_completion=False, rich_markup_mode="rich")
app.command(
    help=__doc__, epilog="Example: python -m bench.latency --seconds 20 --rounds 1 --report out.md"
)(main)

if __name__ == "__main__":
    app()
