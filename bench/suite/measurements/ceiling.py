"""HBase's own ceiling: what two clients get that only put, only get, or do both to, our rows."""

import json
import subprocess
import sys
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import IO

import msgspec
import numpy as np

from bench.suite.measurements.hbase_client import Mode, SavedRow
from bench.suite.systems.ground import Ground
from bench.suite.systems.place import Place
from jobs.launcher.checkout import CHECKOUT
from stores.hbase.keys import entity_of, row_key
from stores.hbase.states import newest_cells
from stores.hbase.tables import LATEST, STATE

CLIENTS = 2
_BYTES_OF_MADE_UP = (600, 500)


class ClientFailed(RuntimeError):
    """A client of the ceiling ended without a rate."""

    exit_code = 1


def save_rows(place: Place, file: Path) -> None:
    """Save the rows that a run of ours left in `place`."""
    _save(file, newest_cells(place.store, place.table))


def save_some_rows(place: Place, file: Path, entities: Sequence[str]) -> None:
    """Save the rows of those of `entities` that have a state and a latest row in `place`."""
    with place.store.open() as connection:
        keys = [row_key(entity) for entity in entities]
        rows = connection.table(place.table).rows(keys, columns=[STATE, LATEST])
    _save(file, dict(rows))


def _save(file: Path, cells: Mapping[bytes, Mapping[bytes, bytes]]) -> None:
    """Save the rows that have a state and a latest row."""
    rows = [
        SavedRow(entity_of(key), columns[STATE], columns[LATEST])
        for key, columns in cells.items()
        if STATE in columns and LATEST in columns
    ]
    file.write_bytes(msgspec.msgpack.encode(rows))


def save_made_up_rows(file: Path, *, rows: int) -> None:
    """Rows of random bytes, to warm HBase up before anything is measured."""
    random = np.random.default_rng(1)
    made = [SavedRow(str(number), *map(random.bytes, _BYTES_OF_MADE_UP)) for number in range(rows)]
    file.write_bytes(msgspec.msgpack.encode(made))


def rates(ground: Ground, place: Place, file: Path, *, seconds: float) -> Mapping[Mode, float]:
    """Rows per second of all clients together; puts first, so that there is something to get."""
    return {mode: _rate(ground, place, file, mode, seconds) for mode in Mode}


def put_rate(
    place: Place,
    file: Path,
    *,
    customers: int,
    batch_rows: int,
    warm_up_seconds: float,
    seconds: float,
    first_offset: int,
) -> float:
    """Rows per second of clients that put rows of so many customers in turns, cells from `file`.

    first_offset: beyond everything that the table holds.
    """
    options: dict[str, object] = {
        "customers": customers,
        "batch-rows": batch_rows,
        "warm-up-seconds": warm_up_seconds,
        "first-offset": first_offset,
    }
    return _rate_of_clients(place, file, Mode.PUT, seconds, options)


def _rate(ground: Ground, place: Place, file: Path, mode: Mode, seconds: float) -> float:
    return _rate_of_clients(
        place, file, mode, seconds, {"batch-rows": ground.settings.stream.batch_rows}
    )


def _rate_of_clients(
    place: Place, file: Path, mode: Mode, seconds: float, options: Mapping[str, object]
) -> float:
    arguments = {
        **options,
        "host": place.store.host,
        "port": place.store.port,
        "namespace": place.store.namespace,
        "table": place.table,
        "rows": file,
        "mode": mode.value,
        "parts": CLIENTS,
        "seconds": seconds,
    }
    command = [sys.executable, "-m", "bench.suite.measurements.hbase_client"]
    command += [f"--{name}={value}" for name, value in arguments.items()]
    with ExitStack() as stack:
        clients = [stack.enter_context(_client([*command, f"--part={n}"])) for n in range(CLIENTS)]
        for client in clients:
            _line(client, expected="ready")
        for client in clients:
            _open(client.stdin).write("go\n")
            _open(client.stdin).flush()
        answers = [json.loads(_line(client, expected="{")) for client in clients]
    return sum(float(answer["rows_per_second"]) for answer in answers)


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
