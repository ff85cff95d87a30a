"""Do all readers of events agree? Mutated events through quick, strict and independent reading."""

import time
from typing import Annotated

import typer
from rich.progress import Progress, TextColumn, TimeRemainingColumn
from typer import Option

from bench.mutated_events.comparison import Comparison, compare
from bench.mutated_events.mutations import SCHEMAS
from jobs.launcher.outcome import ending_with_exit_code
from reports.terminal import Terminal


class ReadersDisagree(Exception):
    """Two readers read an event otherwise."""

    exit_code = 5


def main(
    events: Annotated[int, Option(min=1, help="Mutated events in all.")] = 1_000_000,
    seed: Annotated[int, Option(help="The same seed mutates alike.")] = 1,
) -> None:
    """Count what became of the events; exit code 5 where two readers disagree.

    For example: python -m bench.mutated_events --events 100000 --seed 7
    """
    console = Terminal(stderr=True)
    with ending_with_exit_code(console, verbose=False):
        began, total = time.monotonic(), Comparison()
        columns = (TextColumn("{task.completed:,.0f} of {task.total:,.0f}"), TimeRemainingColumn())
        with Progress(*columns, console=console) as progress:
            task = progress.add_task("events", total=events)
            for rows in compare(events, seed=seed, total=total):
                progress.advance(task, rows)
        for disagreement in total.disagreements:
            console.print(str(disagreement), markup=False, highlight=False, soft_wrap=True)
        for outcome, count in total.outcomes.most_common():
            print(f"{outcome:20} {count:>10,}")
        rate = total.events / (time.monotonic() - began)
        print(f"read at once by the quick reader: {total.quick:,}; {rate:,.0f} events/s")
        verdict = (
            f"{total.events:,} mutated events of {len(SCHEMAS)} schemas (seed {seed}) through "
            f"quick, strict and independent reading: {total.disagreeing:,} disagreements"
        )
        if total.disagreeing:
            raise ReadersDisagree(verdict)
        print(verdict)


if __name__ == "__main__":
    typer.run(main)
