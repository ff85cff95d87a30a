"""What runs of the local platform, where it listens and how much memory it takes."""

from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from local.servers.layout import SERVICES, Layout
from local.servers.ports import HOST, Ports, read_ports
from local.servers.processes import ProcessRecord, memory_bytes
from local.servers.services import answering
from reports.folders import folder_named


class State(StrEnum):
    """The state of one service."""

    RUNNING = "running"
    NOT_ANSWERING = "not answering"
    DIED = "died"
    STOPPED = "stopped"


@dataclass(frozen=True)
class ServiceStatus:
    """One line of the table; `pid` is None and `memory_mb` 0 when it does not run."""

    service: str
    state: State
    address: str
    pid: int | None
    memory_mb: float
    log: Path


def status(run_dir: Path) -> list[ServiceStatus]:
    """Ask each service now; takes up to a few seconds when one does not answer."""
    layout = Layout(folder_named(str(run_dir)))
    ports, alive = read_ports(layout.ports), layout.alive()
    answered = answering(ports, alive=alive) if ports is not None else set()
    return [
        ServiceStatus(
            service=service,
            state=_state(service, alive, answered, layout),
            address=_address(service, ports),
            pid=alive[service].pid if service in alive else None,
            memory_mb=memory_bytes(alive.get(service)) / 1e6,
            log=layout.log(service),
        )
        for service in SERVICES
    ]


def _state(
    service: str, alive: dict[str, ProcessRecord], answered: set[str], layout: Layout
) -> State:
    if service in alive:
        return State.RUNNING if service in answered else State.NOT_ANSWERING
    return State.DIED if layout.process(service) else State.STOPPED


def _address(service: str, ports: Ports | None) -> str:
    if ports is None:
        return "-"
    port = {"kafka": ports.kafka, "hbase": ports.zookeeper, "thrift": ports.thrift}[service]
    return f"{HOST}:{port}" + (" (ZooKeeper)" if service == "hbase" else "")
