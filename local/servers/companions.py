"""Programs that run beside the platform until `make down`, such as the demo's web service."""

from collections.abc import Sequence
from pathlib import Path

from local.servers.layout import Layout
from local.servers.processes import start, stop
from reports.folders import folder_named

_GRACE_SECONDS = 15.0


def start_companion(run_dir: Path, name: str, command: Sequence[str]) -> Path:
    """Start `command` in the background; returns the log that gets all it prints.

    A companion of this name that runs is stopped first. `name` becomes part of a file's name.
    """
    layout = Layout(folder_named(str(run_dir)))
    stop_companion(layout, name)
    log = layout.logs / f"{name}.log"
    layout.records.mkdir(parents=True, exist_ok=True)
    start(command, log=log, record=layout.companion(name))
    return log


def stop_companion(layout: Layout, name: str) -> None:
    """Stop it with a chance to end its work; nothing happens when it does not run."""
    stop(layout.companions().get(name), grace_seconds=_GRACE_SECONDS)
    layout.companion(name).unlink(missing_ok=True)


def stop_companions(layout: Layout) -> list[str]:
    """Stop all of them; returns the names of those that ran."""
    names = sorted(layout.companions())
    for name in names:
        stop_companion(layout, name)
    return names
