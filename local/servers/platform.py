"""Start and stop Kafka and HBase with its gateway on this machine, from their own jars."""

import contextlib
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import psutil
from rich.console import Console

from local import endpoints as endpoints_file
from local import java
from local.endpoints import Endpoints, read_endpoints
from local.errors import PlatformError, PlatformNotRunning
from local.lock import file_lock
from local.run_folder import make_private
from local.servers.bring_up import STOP_GRACE_SECONDS, BringUp, stop_all
from local.servers.companions import stop_companions
from local.servers.layout import SERVICES, Layout, checked
from local.servers.ports import read_ports
from local.servers.processes import stop
from local.servers.services import answering
from reports.folders import folder_named
from reports.terminal import Terminal


def _part_of_memory(parts: int, *, at_least_mb: int, at_most_mb: int) -> int:
    total_mb = int(psutil.virtual_memory().total) >> 20
    return min(max(total_mb // parts, at_least_mb), at_most_mb)


@dataclass(frozen=True)
class Platform:
    """A local platform, as a recipe: everything it writes is under `run_dir`.

    HBase and its gateway get a sixth and a twenty-fourth of the machine's memory: with a small
    heap a million customers cost half as much again (docs/decisions/2026-11-21-speed.md).
    """

    run_dir: Path
    kafka_heap_mb: int = 512
    hbase_heap_mb: int = _part_of_memory(6, at_least_mb=1536, at_most_mb=8192)
    thrift_heap_mb: int = _part_of_memory(24, at_least_mb=512, at_most_mb=2048)
    start_timeout_seconds: float = 180.0
    die_with_parent: bool = False  # for tests: nothing outlives the thread that called `up`

    @property
    def layout(self) -> Layout:
        """The files under the run folder."""
        return Layout(folder_named(str(self.run_dir)))

    def heap_mb(self, service: str) -> int:
        """The Java heap of one service."""
        heaps = {"kafka": self.kafka_heap_mb, "hbase": self.hbase_heap_mb}
        return heaps.get(service, self.thrift_heap_mb)


def up(platform: Platform, *, console: Console | None = None) -> Endpoints:
    """Start what does not run yet, wait until all of it answers, and return the addresses.

    Data and ports of an earlier start are kept. On any error, and on Ctrl-C, what this call
    started is stopped again. Raises PlatformError with the reason and the remedy.
    """
    console = console or Terminal(stderr=True)
    layout = platform.layout
    if character := java.unusable(layout.run_dir):
        raise PlatformError(
            f"the run folder {str(layout.run_dir)!r} holds {character!r}, which ends a path for "
            "Kafka and Java: name another by EVERSCORE_RUN_DIR"
        )
    with _locked(platform, console):
        ports = read_ports(layout.ports)
        if ports is not None and answering(ports, alive=layout.alive()) == set(SERVICES):
            with contextlib.suppress(PlatformNotRunning):
                endpoints = read_endpoints(layout.run_dir)
                console.print(f"already running in {layout.run_dir}")
                return endpoints
        return _bring_up(platform, SERVICES, console)


def down(platform: Platform, *, console: Console | None = None) -> list[str]:
    """Stop exactly the recorded processes, keep the data; returns the services that ran."""
    console = console or Terminal(stderr=True)
    with _locked(platform, console):
        return _down(platform.layout, console)


def reset(
    platform: Platform, *, console: Console | None = None, keep_archive: bool = False
) -> Sequence[Path]:
    """Stop the platform and erase its data, logs, ports, checkpoints and the topics' archive.

    An archive refers to offsets in topics: in new topics of the same name they are wrong, and
    jobs refuse it. Returns what is left of the scenarios' data: training snapshots, models,
    reports, and the archive when `keep_archive`.
    """
    console = console or Terminal(stderr=True)
    layout = platform.layout
    with _locked(platform, console):
        _down(layout, console)
        archive = [] if keep_archive else layout.of_topics()
        folders = (layout.kafka, layout.hbase, layout.logs, layout.records, layout.checkpoints)
        for path in (*folders, *archive):
            if path.is_dir():
                shutil.rmtree(path)
            else:
                path.unlink(missing_ok=True)
        layout.ports.unlink(missing_ok=True)
        return [path for path in layout.kept_by_reset() if path.exists()]


def stop_one(run_dir: Path, service: str, *, kill: bool = False) -> bool:
    """Stop one service, the others run on; `kill` is SIGKILL. False when it did not run."""
    platform = Platform(run_dir)
    with _locked(platform, Terminal(stderr=True)):
        record = platform.layout.process(checked(service))
        return stop(record, grace_seconds=STOP_GRACE_SECONDS, kill=kill)


def start_one(run_dir: Path, service: str, *, die_with_parent: bool = False) -> Endpoints:
    """Start one stopped service on its ports and data, and wait until what runs answers."""
    platform, console = Platform(run_dir, die_with_parent=die_with_parent), Terminal(stderr=True)
    with _locked(platform, console):
        return _bring_up(platform, [checked(service)], console)


def _bring_up(platform: Platform, wanted: Sequence[str], console: Console) -> Endpoints:
    return BringUp(
        layout=platform.layout,
        wanted=wanted,
        heap_mb=platform.heap_mb,
        timeout_seconds=platform.start_timeout_seconds,
        die_with_parent=platform.die_with_parent,
        console=console,
    ).run()


def _down(layout: Layout, console: Console) -> list[str]:
    alive = layout.alive()
    names = sorted([*layout.companions(), *alive])
    with console.status(f"stopping {', '.join(names) or 'nothing'}"):
        companions = stop_companions(layout)
        stopped = stop_all(alive, layout=layout, grace_seconds=STOP_GRACE_SECONDS)
    for service in set(SERVICES) - set(layout.alive()):
        layout.record(service).unlink(missing_ok=True)
    (layout.run_dir / endpoints_file.FILE).unlink(missing_ok=True)
    return [*companions, *stopped]


def _locked(platform: Platform, console: Console) -> contextlib.AbstractContextManager[None]:
    make_private(platform.layout.run_dir, log=console.print)
    return file_lock(
        platform.layout.lock,
        timeout_seconds=platform.start_timeout_seconds + STOP_GRACE_SECONDS,
        on_wait=lambda: console.print("another command works in this folder; waiting for it"),
    )
