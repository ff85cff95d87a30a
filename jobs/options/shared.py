"""The options that all jobs share, and the app around a job's function."""

from collections.abc import Callable, Sequence
from typing import Annotated

import typer

ScenarioOption = Annotated[str, typer.Option("--scenario", help="Scenario, as named in conf/.")]
EnvOption = Annotated[
    str, typer.Option("--env", help="Environment: a name in conf/ or a path to a TOML file.")
]
SetOption = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="PATH=VALUE", help="Override one setting; may be repeated."),
]
VerboseOption = Annotated[
    bool, typer.Option("--verbose", help="Print every setting, and tracebacks of errors.")
]


TakeOverOption = Annotated[
    bool,
    typer.Option("--take-over", help="Run although another one holds the lease; that one ends."),
]


def set_options(overrides: Sequence[str] | None) -> list[str]:
    """The options with which another job gets the same overrides."""
    return [option for override in overrides or () for option in ("--set", override)]


def job_app(main: Callable[..., None], *, doc: str | None, example: str) -> typer.Typer:
    """The `app` of a job file: one command, its help from the file's docstring, with an example.

    A job file is run by `./spark-submit.sh NAME`; it needs nothing at its end.
    """
    app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)
    app.command(help=doc, epilog=f"Example: {example}")(main)
    return app
