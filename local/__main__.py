"""The command line of the local platform: `python -m local up|down|status|reset|logs`."""

import logging
import os
import shlex
import signal
import types
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, NoReturn

import typer
from rich.table import Table
from rich.text import Text

from local.endpoints import default_run_dir
from local.errors import PlatformError
from local.maven.jar_list import LIST, listed, write_list
from local.maven.jars import POMS, fetch_again, jars
from local.servers.layout import SERVICES, Layout
from local.servers.platform import Platform, down, reset, up
from local.servers.processes import last_lines
from local.servers.status import State, status
from reports.folders import FolderUnknown, folder_named
from reports.terminal import Terminal, visible

_NOT_RUNNING = 3
_COLOURS = {State.RUNNING: "green", State.NOT_ANSWERING: "yellow", State.DIED: "red"}

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
    help="Kafka and HBase on this machine, for development and tests.",
    epilog="Examples: [bold]python -m local up[/]   [bold]python -m local status[/]   "
    "[bold]python -m local up --run-dir /tmp/other[/]   [bold]python -m local logs hbase[/]",
)

RunDir = Annotated[
    Path | None,
    typer.Option(help="Folder of data, logs and platform.json.", show_default=".everscore"),
]


@app.command("up")
def _up(run_dir: RunDir = None) -> None:
    """Start what does not run, wait until it answers. Example: python -m local up"""
    with _reporting_errors():
        up(Platform(_folder(run_dir)), console=Terminal())
    _show(_folder(run_dir))


@app.command("down")
def _down(run_dir: RunDir = None) -> None:
    """Stop what `up` started; the data stays. Example: python -m local down"""
    with _reporting_errors():
        stopped = down(Platform(_folder(run_dir)), console=Terminal())
    typer.echo(f"stopped {', '.join(stopped)}" if stopped else "nothing was running")


@app.command("status")
def _status(run_dir: RunDir = None) -> None:
    """Show what runs; exit code 3 when not all of it does. Example: python -m local status"""
    if not _show(_folder(run_dir)):
        raise typer.Exit(_NOT_RUNNING)


@app.command("reset")
def _reset(
    run_dir: RunDir = None,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    keep_archive: Annotated[
        bool, typer.Option("--keep-archive", help="Keep the Delta tables of the topics, too.")
    ] = False,
) -> None:
    """Stop the platform; erase topics, tables, archive. Example: python -m local reset --yes

    Checkpoints go too; snapshots, models and reports stay. With --keep-archive the archive stays:
    it belongs to the erased topics, so move it away before archive_stream runs again.
    """
    folder = _folder(run_dir)
    if not yes:
        archive = "" if keep_archive else ", their archive and batch runs"
        typer.confirm(f"Erase all topics and tables{archive} in {folder}?", abort=True)
    with _reporting_errors():
        remaining_paths = reset(Platform(folder), console=Terminal(), keep_archive=keep_archive)
    typer.echo(visible(f"erased the platform's data in {folder}"))
    if remaining_paths:
        paths = " ".join(shlex.quote(str(path)) for path in remaining_paths)
        typer.echo(visible(f"kept, and removed by: rm -r -- {paths}"))


@app.command("jars")
def _jars(
    again: Annotated[bool, typer.Option("--again", help="Whatever the cache holds.")] = False,
    write: Annotated[
        bool, typer.Option("--write-list", help="Write local/jars.sha256 from what Maven gives.")
    ] = False,
) -> None:
    """Fetch all jars and check them by the committed list. Example: python -m local jars"""
    console, names = Terminal(), sorted(path.stem for path in POMS.glob("*.xml"))
    with _reporting_errors():
        if write:
            folders = {n: fetch_again(n, console=console, is_listed=False) for n in names}
            typer.echo(f"{write_list(folders)} jars listed in {visible(str(LIST))}")
            return
        for name in names:
            if again:
                fetch_again(name, console=console)
            folder = jars(name, console=console)
            typer.echo(f"{name}: {len(listed(name))} jars as listed, in {visible(str(folder))}")


@app.command("logs")
def _logs(
    service: Annotated[str | None, typer.Argument(help="kafka, hbase or thrift.")] = None,
    lines: Annotated[int, typer.Option(help="Last lines of each log.")] = 20,
    run_dir: RunDir = None,
) -> None:
    """Show the last lines of the logs. Example: python -m local logs hbase --lines 50"""
    layout = Layout(_folder(run_dir))
    with _reporting_errors():
        for name in [service] if service else SERVICES:
            path = layout.log(name)
            typer.secho(visible(f"== {path}"), bold=True)
            typer.echo(visible("\n".join(last_lines(path, lines))) or "(empty)")


def main() -> None:
    """Run the command line; a SIGTERM stops a start as Ctrl-C does."""
    # kafka-python logs every refused connection while the broker is still starting.
    logging.getLogger("kafka").setLevel(logging.CRITICAL)
    signal.signal(signal.SIGTERM, _interrupt)
    try:
        app()
    except FolderUnknown as error:
        _fail(str(error), code=error.exit_code)
    except OSError as error:
        if error.filename is None:
            raise
        _fail(f"{os.fsdecode(error.filename)}: {error.strerror}", code=1)


def _fail(text: str, *, code: int) -> NoReturn:
    typer.secho(visible(f"error: {text}"), fg="red", err=True)
    raise SystemExit(code)


def _interrupt(signum: int, frame: types.FrameType | None) -> None:
    raise KeyboardInterrupt


def _folder(run_dir: Path | None) -> Path:
    return default_run_dir() if run_dir is None else folder_named(str(run_dir))


@contextmanager
def _reporting_errors() -> Iterator[None]:
    try:
        yield
    except PlatformError as error:
        typer.secho(visible(str(error)), fg="red", err=True)
        raise typer.Exit(1) from error


def _show(run_dir: Path) -> bool:
    """Print the table; returns whether everything runs."""
    services = status(run_dir)
    table = Table(caption=f"logs in {run_dir / 'logs'}", caption_justify="left")
    for column in ("service", "state", "address", "pid", "memory", "log"):
        table.add_column(column, overflow="fold")
    for row in services:
        colour = _COLOURS.get(row.state, "dim")
        memory = f"{row.memory_mb:.0f} MB" if row.pid else "-"
        state = Text(row.state, style=colour)
        table.add_row(row.service, state, row.address, str(row.pid or "-"), memory, row.log.name)
    Terminal().print(table)
    return all(row.state is State.RUNNING for row in services)


if __name__ == "__main__":
    main()
