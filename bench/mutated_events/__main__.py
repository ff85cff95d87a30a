"""Do all readers of events agree? Mutated events through quick, strict and independent reading."""

import typer

from bench.mutated_events.comparison import main

if __name__ == "__main__":
    typer.run(main)
