"""Bring the missing services up, all or nothing: what a failed start began is stopped again."""

import threading
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from rich.console import Console

from local.endpoints import Endpoints, write_endpoints
from local.maven.jars import jars, versions
from local.run_folder import make_private_part
from local.servers import ports as ports_file
from local.servers.layout import SERVICES, Layout
from local.servers.ports import HOST, Ports, is_free
from local.servers.processes import ProcessRecord, is_alive, stop
from local.servers.services import PORTS_OF, launch, wait_for_all

# HBase writes its memory to disk on SIGTERM; after this time it is killed.
STOP_GRACE_SECONDS = 60.0
_ABORT_GRACE_SECONDS = 5.0


@dataclass(frozen=True)
class BringUp:
    """One attempt to have the `wanted` services running beside those that run already."""

    layout: Layout
    wanted: Sequence[str]
    heap_mb: Callable[[str], int]
    timeout_seconds: float
    die_with_parent: bool
    console: Console

    def run(self) -> Endpoints:
        """Start what is missing, wait until everything answers, write the addresses."""
        alive = self._usable()
        missing = [name for name in SERVICES if name in self.wanted and name not in alive]
        jar_folders = {name: jars(_pom(name), console=self.console) for name in missing}
        for name in missing:
            if data := self.layout.data(name):
                data.make_usable(tell=self.console.print)
        layout = self.layout
        for part in (layout.kafka, layout.hbase, layout.logs, layout.records):
            make_private_part(part)
        ports = self._chosen_ports(alive)
        try:
            with self.console.status(f"starting {', '.join(missing)}"):
                for name in missing:
                    self._launch(name, ports, jar_folders[name])
                running = self.layout.alive()
                self._wait(running, missing, ports)
        except BaseException:
            new_processes = {
                name: process for name, process in self.layout.alive().items() if name not in alive
            }
            stop_all(new_processes, layout=self.layout, grace_seconds=_ABORT_GRACE_SECONDS)
            raise
        return self._announce(ports, running)

    def _usable(self) -> dict[str, ProcessRecord]:
        """The running services; those that cannot be reached any more are stopped.

        That is all of them when the ports are not known, and the gateway when HBase is down
        and another program took its ZooKeeper port.
        """
        alive = self.layout.alive()
        for name in set(self.wanted) - set(alive):
            if record := self.layout.process(name):
                self.console.print(f"{name}: its process {record.pid} is gone; starting it again")
        ports = ports_file.read_ports(self.layout.ports)
        lost = set(alive) if ports is None else set()
        moved = ports is not None and "hbase" not in alive and not is_free(ports.zookeeper)
        if moved and "thrift" in self.wanted:
            lost |= set(alive) & {"thrift"}
        if lost:
            self.console.print(f"restarting {', '.join(sorted(lost))}: its old ports are lost")
            unreachable = {name: alive.pop(name) for name in lost}
            stop_all(unreachable, layout=self.layout, grace_seconds=STOP_GRACE_SECONDS)
        return alive

    def _chosen_ports(self, alive: dict[str, ProcessRecord]) -> Ports:
        before = ports_file.read_ports(self.layout.ports)
        ours = [port for name in alive for port in PORTS_OF[name]]
        ports = ports_file.kept_or_new(before, in_use_by_us=ours)
        if before is not None and ports != before:
            self.console.print(f"another program took a port of ours; the ports are now {ports}")
        ports_file.write_ports(self.layout.ports, ports)
        return ports

    def _launch(self, name: str, ports: Ports, jar_folder: Path) -> None:
        launch(
            name,
            layout=self.layout,
            ports=ports,
            jar_folder=jar_folder,
            heap_mb=self.heap_mb(name),
            die_with_parent=self.die_with_parent,
        )

    def _wait(
        self, running: Mapping[str, ProcessRecord], missing: Sequence[str], ports: Ports
    ) -> None:
        started = {name: self.layout.process(name) for name in missing}
        wait_for_all(
            {**running, **{name: record for name, record in started.items() if record}},
            layout=self.layout,
            ports=ports,
            timeout_seconds=self.timeout_seconds,
            cancelled=threading.Event(),
        )

    def _announce(self, ports: Ports, running: Mapping[str, ProcessRecord]) -> Endpoints:
        for name in running:
            if data := self.layout.data(name):
                data.mark_initialized()
        endpoints = Endpoints(
            kafka_bootstrap_servers=f"{HOST}:{ports.kafka}",
            hbase_thrift_host=HOST,
            hbase_thrift_port=ports.thrift,
            hbase_zookeeper_port=ports.zookeeper,
            log_folder=str(self.layout.logs),
            started_at=datetime.now(UTC).isoformat(timespec="seconds"),
            versions=versions(),
            processes=dict(running),
        )
        write_endpoints(self.layout.run_dir, endpoints)
        return endpoints


def stop_all(
    alive: Mapping[str, ProcessRecord], *, layout: Layout, grace_seconds: float
) -> list[str]:
    """Stop these processes, the gateway before HBase behind it; returns the services stopped."""
    first = [name for name in alive if name == "thrift"]
    then = [name for name in alive if name != "thrift"]
    with ThreadPoolExecutor(max_workers=len(SERVICES)) as pool:
        for names in (first, then):
            list(pool.map(lambda name: stop(alive[name], grace_seconds=grace_seconds), names))
    for name in alive:
        if not is_alive(alive[name]):
            layout.record(name).unlink(missing_ok=True)
    return sorted(alive)


def _pom(service: str) -> str:
    return "kafka" if service == "kafka" else "hbase"
