"""Where the local platform listens: the one file that jobs, tests and people read."""

import json
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from local.errors import PlatformNotRunning
from local.servers.processes import ProcessRecord, is_alive
from reports.files import write_text
from reports.folders import folder_named

FILE = "platform.json"


@dataclass(frozen=True)
class Endpoints:
    """Addresses of the running platform, and the processes behind them."""

    kafka_bootstrap_servers: str
    hbase_thrift_host: str
    hbase_thrift_port: int
    hbase_zookeeper_port: int
    log_folder: str
    started_at: str  # UTC, ISO 8601
    versions: Mapping[str, str]
    processes: Mapping[str, ProcessRecord]


def default_run_dir(environ: Mapping[str, str] = os.environ) -> Path:
    """`EVERSCORE_RUN_DIR`, else the folder .everscore of this checkout."""
    if folder := environ.get("EVERSCORE_RUN_DIR"):
        return folder_named(folder, environ)
    return Path(__file__).resolve().parents[1] / ".everscore"


def read_endpoints(run_dir: Path | None = None) -> Endpoints:
    """The addresses of the platform in `run_dir` (default: `default_run_dir()`).

    Raises PlatformNotRunning when there is none, or when all of its processes are gone. With
    one process dead the addresses still hold: it comes back on the same port.
    """
    folder = run_dir if run_dir is not None else default_run_dir()
    path = folder / FILE
    try:
        endpoints = _from_json(json.loads(path.read_text(encoding="utf-8")))
    except FileNotFoundError:
        raise PlatformNotRunning(_message(folder, f"there is no {FILE}")) from None
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        reason = f"{FILE} cannot be read ({type(error).__name__}: {error})"
        raise PlatformNotRunning(_message(folder, reason)) from error
    if not any(is_alive(record) for record in endpoints.processes.values()):
        raise PlatformNotRunning(_message(folder, f"the processes named in {FILE} are gone"))
    return endpoints


def write_endpoints(run_dir: Path, endpoints: Endpoints) -> None:
    """Replace the file in one step."""
    write_text(run_dir / FILE, json.dumps(asdict(endpoints), indent=2) + "\n")


def _from_json(fields: Mapping[str, Any]) -> Endpoints:
    records = {
        name: ProcessRecord(pid=int(record["pid"]), started_at=float(record["started_at"]))
        for name, record in fields["processes"].items()
    }
    endpoints = Endpoints(**{**fields, "processes": records})
    return replace(
        endpoints,
        hbase_thrift_port=int(endpoints.hbase_thrift_port),
        hbase_zookeeper_port=int(endpoints.hbase_zookeeper_port),
    )


def _message(folder: Path, reason: str) -> str:
    return f"the local platform is not running in {folder}: run `make up` ({reason})"
