"""Prove on a fresh platform that predictions, models and the store itself can be recreated.

Streams the churn customers' follow-ups with disorder, duplicates and crashes, then recomputes
everything from the Delta archive. One line per proof with its figure; any difference ends with
exit code 5.
"""

import time
from typing import Annotated

import typer

from jobs.launcher.signals import stopping_on_signals
from proofs.proof import Proof, Proofs, Topic
from proofs.stage import own_stage
from proofs.troubled_stream import Trouble, stream_through_trouble
from reports.terminal import Terminal

SCENARIO = "churn"
FAILED = 5


def main(
    events: Annotated[int, typer.Option(min=1_000, help="Follow-up events.")] = 50_000,
    rate: Annotated[float, typer.Option(min=10, help="Follow-up events per second.")] = 2_500.0,
    audits: Annotated[int, typer.Option(min=1, help="Random predictions to audit.")] = 10,
    only: Annotated[
        list[Topic] | None, typer.Option(help="Prove this only; may be repeated.  [default: all]")
    ] = None,
    keep: Annotated[bool, typer.Option("--keep", help="Keep the platform's folder.")] = False,
) -> None:
    """Run the proofs; exit code 0 when all hold."""
    console, began = Terminal(stderr=True), time.monotonic()
    with stopping_on_signals(), own_stage(SCENARIO, keep=keep, console=console) as stage:
        trouble = Trouble(events=events, rate=rate)
        stream_through_trouble(stage, trouble)
        results: list[Proof] = []
        for proof in Proofs(stage, audits=audits).of(only or list(Topic)):
            console.print(proof.line, markup=False, highlight=False, soft_wrap=True)
            results.append(proof)
    console.print(f"took {time.monotonic() - began:.0f} s", highlight=False)
    for proof in results:
        print(proof.line)
    if not all(proof.holds for proof in results):
        raise typer.Exit(FAILED)


if __name__ == "__main__":
    typer.run(main)
