"""HBase's own ceiling: what two clients get that only put, only get, or do both to, our rows."""

import json
import subprocess
import sys
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import IO

import msgspec
import numpy as np

from bench.suite.ground import Ground
from bench.suite.hbase_client import Mode, SavedRow
from bench.suite.place import Place
from jobs.packages import CHECKOUT
from stores.keys import entity_of
from stores.states import newest_cells
from stores.tables import LATEST, STATE

CLIENTS = 2
_BYTES_OF_MADE_UP = (600, 500)


class ClientFailed(RuntimeError):
    """A client of the ceiling ended without a rate."""

    exit_code = 1


def save_rows(place: Place, file: Path) -> None:
    """Keep the rows that a run of ours left in `place`."""
    cells = newest_cells(place.store, place.table)
    rows = [
        SavedRow(entity_of(key), own[STATE], own[LATEST])
        for key, own in cells.items()
        if STATE in own and LATEST in own
    ]
    file.write_bytes(msgspec.msgpack.encode(rows))


def save_made_up_rows(file: Path, *, rows: int) -> None:
    """Rows of random bytes, to warm HBase up before anything is measured."""
    random = np.random.default_rng(1)
    made = [SavedRow(str(each), *map(random.bytes, _BYTES_OF_MADE_UP)) for each in range(rows)]
    file.write_bytes(msgspec.msgpack.encode(made))


def rates(ground: Ground, place: Place, file: Path, *, seconds: float) -> Mapping[Mode, float]:
    """Rows per second of all clients together; puts first, so that there is something to get."""
    return {mode: _rate(ground, place, file, mode, seconds) for mode in Mode}


def _rate(ground: Ground, place: Place, file: Path, mode: Mode, seconds: float) -> float:
    arguments = {
        "host": place.store.host,
        "port": place.store.port,
        "namespace": place.store.namespace,
        "table": place.table,
        "rows": file,
        "mode": mode.value,
        "parts": CLIENTS,
        "seconds": seconds,
        "batch-rows": ground.settings.stream.arrow_batch_rows,
    }
    command = [sys.executable, "-m", "bench.suite.hbase_client"]
    command += [f"--{name}={value}" for name, value in arguments.items()]
    with ExitStack() as stack:
        clients = [stack.enter_context(_client([*command, f"--part={n}"])) for n in range(CLIENTS)]
        for client in clients:
            _line(client, expected="ready")
        for client in clients:
            _open(client.stdin).write("go\n")
            _open(client.stdin).flush()
        told = [json.loads(_line(client, expected="{")) for client in clients]
    return sum(float(each["rows_per_second"]) for each in told)


def _client(command: list[str]) -> subprocess.Popen[str]:
    return subprocess.Popen(
        command, cwd=CHECKOUT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )


def _line(client: subprocess.Popen[str], *, expected: str) -> str:
    line = _open(client.stdout).readline()
    if not line.startswith(expected):
        client.kill()
        raise ClientFailed(f"a client of the ceiling printed {line!r}, expected {expected!r}")
    return line


def _open(stream: IO[str] | None) -> IO[str]:
    if stream is None:
        raise ClientFailed("a client of the ceiling has no pipes, expected stdin and stdout")
    return stream
