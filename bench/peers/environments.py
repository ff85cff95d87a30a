"""The peers' own Python environments, made once per list of requirements, and their commands."""

import os
import shutil
import subprocess
import sys
import venv
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from pathlib import Path

from local.cache import cache_dir, entry_name
from local.errors import PlatformBusy
from local.lock import file_lock

# Which environment each of bench/peers runs in; the key is the module's name.
PEERS: Mapping[str, str] = {
    "plain_confluent": "confluent",
    "expert_confluent": "confluent",
    "bytewax_flow": "bytewax",
    "quixstreams_app": "quixstreams",
}
CHECKOUT = Path(__file__).resolve().parents[2]
_REQUIREMENTS = CHECKOUT / "bench" / "peers"
_STAMP = "complete.txt"
_PIP_SECONDS = 1200.0
_LAST_LINES = 8


class PeerUnavailable(RuntimeError):
    """A peer's environment cannot be made; the message says why and how to retry."""

    exit_code = 3


class UnknownPeer(ValueError):
    """There is no such peer."""

    exit_code = 2


@dataclass(frozen=True, kw_only=True)
class PeerTask:
    """What a peer reads, scores and writes; the fields are its options (see bench/peers)."""

    bootstrap_servers: str
    topic: str
    output_topic: str
    hbase_host: str
    hbase_port: int
    table: str  # namespace:table
    model: Path  # joblib: {"estimator": ..., "features": [...]}
    workload: str  # stateless or stateful
    group: str
    processes: int = 1
    state_dir: Path | None = None  # the same folder and group again: the peer goes on
    batch_rows: int | None = None  # None: the peer's own best


def peer_command(peer: str, task: PeerTask, *, python: Path) -> list[str]:
    """The command of one of PEERS, to be run in the checkout; it prints `ready`, ends at SIGTERM.

    Raises UnknownPeer.
    """
    _family(peer)
    values = {field.name: getattr(task, field.name) for field in fields(task)}
    options = [
        f"--{name.replace('_', '-')}={value}" for name, value in values.items() if value is not None
    ]
    return [*_module(peer, python), *options]


def installed_python(peer: str, *, environ: Mapping[str, str] = os.environ) -> Path | None:
    """The interpreter of the peer's environment if that is complete; None when it is not."""
    folder = _folder(_family(peer), environ)
    return _python(folder) if (folder / _STAMP).is_file() else None


def peer_python(
    peer: str, *, tell: Callable[[str], None], environ: Mapping[str, str] = os.environ
) -> Path:
    """The interpreter of the peer's environment, which is installed first where it is missing.

    Raises PeerUnavailable when pip cannot install it, UnknownPeer.
    """
    if python := installed_python(peer, environ=environ):
        return python
    family = _family(peer)
    folder = _folder(family, environ)
    try:
        with file_lock(folder.parent / f".{folder.name}.lock", timeout_seconds=_PIP_SECONDS):
            if not (folder / _STAMP).is_file():
                _install(family, folder, tell=tell)
    except (PlatformBusy, OSError, subprocess.SubprocessError) as error:
        raise PeerUnavailable(f"the environment of {family} was not made: {error}") from error
    return _python(folder)


def _install(family: str, folder: Path, *, tell: Callable[[str], None]) -> None:
    listed = _requirements(family)
    wanted = [line for line in listed.read_text().splitlines() if not line.startswith("#")]
    tell(f"peers: making the environment of {family} ({len(wanted)} packages) in {folder}")
    shutil.rmtree(folder, ignore_errors=True)
    venv.create(folder, with_pip=True)
    command = [str(_python(folder)), "-m", "pip", "install", "--disable-pip-version-check"]
    command += ["--no-input", "--no-deps", "-r", str(listed)]
    lines: list[str] = []
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as pip:
        assert pip.stdout is not None
        for line in pip.stdout:
            lines.append(line.rstrip())
            if line.startswith("Collecting "):
                tell(f"peers: {family}: {line.split()[1]}")
    if pip.returncode != 0:
        said = "\n".join(f"  {line}" for line in lines[-_LAST_LINES:])
        raise PeerUnavailable(
            f"pip ended with {pip.returncode} while it installed {listed.name}:\n{said}\n"
            f"Check pip's index and settings, then retry: {' '.join(command)}"
        )
    (folder / _STAMP).write_text(f"{sys.version}\n", encoding="utf-8")
    tell(f"peers: the environment of {family} is ready")


def _family(peer: str) -> str:
    if peer not in PEERS:
        raise UnknownPeer(f"peer is {peer!r}, expected one of {', '.join(PEERS)}")
    return PEERS[peer]


def _folder(family: str, environ: Mapping[str, str]) -> Path:
    """Named by what is in it: the requirements and the interpreter that it was made with."""
    made_of = _requirements(family).read_bytes() + sys.version.encode() + sys.base_prefix.encode()
    return cache_dir(environ) / "peers" / entry_name(family, made_of)


def _requirements(family: str) -> Path:
    return _REQUIREMENTS / f"requirements-{family}.txt"


def _python(folder: Path) -> Path:
    return folder / "bin" / "python"


def _module(peer: str, python: Path) -> list[str]:
    return [str(python), "-m", f"bench.peers.{peer}"]
