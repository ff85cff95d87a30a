"""Free ports on 127.0.0.1, chosen at the first start and kept as long as they stay free."""

import json
import random
import socket
from collections.abc import Callable, Collection
from dataclasses import asdict, dataclass, fields
from pathlib import Path

from reports.files import write_text

HOST = "127.0.0.1"
# Below Linux's ephemeral range (32768 and up): while a service is down, no outgoing
# connection can take its port, so a restart finds it free.
_RANGE = range(20_000, 32_000)


@dataclass(frozen=True)
class Ports:
    """One port per listener of the platform."""

    kafka: int
    kafka_controller: int
    zookeeper: int
    hbase_master: int
    hbase_regionserver: int
    thrift: int


def is_free(port: int) -> bool:
    """Whether a server could listen on the port now (a port in TIME_WAIT counts as free)."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
            probe.listen(1)
        except OSError:
            return False
    return True


def free_port(*, taken: Collection[int]) -> int:
    """A free port that is not in `taken`; drawn at random so that two starts rarely collide."""
    for port in random.SystemRandom().sample(_RANGE, len(_RANGE)):
        if port not in taken and is_free(port):
            return port
    raise OSError(f"no free port between {_RANGE.start} and {_RANGE.stop} on {HOST}: close some")


def kept_or_new(
    recorded: Ports | None,
    *,
    in_use_by_us: Collection[str] = (),
    usable: Callable[[int], bool] = is_free,
) -> Ports:
    """The recorded ports, each replaced when another program listens on it now.

    `in_use_by_us` names the fields whose port is taken by our own running service.
    """
    before = asdict(recorded) if recorded is not None else {}
    ports: dict[str, int] = {}
    for name in (field.name for field in fields(Ports)):
        port = before.get(name)
        if port is None or not (name in in_use_by_us or usable(port)):
            port = free_port(taken={*ports.values(), *before.values()})
        ports[name] = port
    return Ports(**ports)


def read_ports(path: Path) -> Ports | None:
    """The ports of the last start; None when there was none or the file cannot be read."""
    try:
        return Ports(**{name: int(port) for name, port in json.loads(path.read_text()).items()})
    except (OSError, ValueError, TypeError, AttributeError):
        return None


def write_ports(path: Path, ports: Ports) -> None:
    """Remember the ports for the next start."""
    write_text(path, json.dumps(asdict(ports), indent=2) + "\n")
