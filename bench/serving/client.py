"""The load in a process of its own: raw reads of HBase, or prepared HTTP requests."""

import json
import socket
from enum import Enum
from pathlib import Path
from typing import Annotated

import msgspec
import numpy as np
import typer
from typer import Option

from bench.latency.figures import figures_of
from bench.serving.open_loop import Call, open_loop, saturated
from stores.hbase.connection import HBaseStore
from stores.hbase.keys import row_key
from stores.hbase.tables import LATEST

_TIMEOUT_SECONDS = 30.0
_PART_BYTES = 65_536


class Target(Enum):
    """What is called."""

    RAW = "raw"
    HTTP = "http"


def raw_call(store: HBaseStore, table: str, entities: list[str]) -> Call:
    """One connection of happybase that reads the latest rows of `entities`, over and over."""
    connection = store.connect()
    keys = [row_key(entity) for entity in entities]
    rows = connection.table(table)

    def call(number: int) -> bool:
        return LATEST in rows.row(keys[number % len(keys)], columns=[LATEST])

    return call


def http_call(host: str, port: int, requests: list[bytes]) -> Call:
    """One connection that sends `requests`, whole HTTP/1.1 messages, over and over.

    A connection that broke is opened again with the next request.
    """
    connection: socket.socket | None = None

    def call(number: int) -> bool:
        nonlocal connection
        if connection is None:
            connection = socket.create_connection((host, port), _TIMEOUT_SECONDS)
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        try:
            connection.sendall(requests[number % len(requests)])
            return answer_status(connection) == 200
        except (OSError, ValueError):
            connection.close()
            connection = None
            raise

    return call


def answer_status(connection: socket.socket) -> int:
    """Read one whole answer with a Content-Length; returns its status. Raises `ValueError`."""
    received = b""
    while b"\r\n\r\n" not in received:
        part = connection.recv(_PART_BYTES)
        if not part:
            raise ValueError("the connection ended within an answer")
        received += part
    head, _, body = received.partition(b"\r\n\r\n")
    status, *headers = head.split(b"\r\n")
    lengths = [
        int(value)
        for name, _, value in (header.partition(b":") for header in headers)
        if name.lower() == b"content-length"
    ]
    if len(lengths) != 1:
        raise ValueError("the answer has no Content-Length")
    missing = lengths[0] - len(body)
    while missing > 0:
        part = connection.recv(min(_PART_BYTES, missing))
        if not part:
            raise ValueError("the connection ended within an answer")
        missing -= len(part)
    return int(status.split()[1])


def main(
    target: Annotated[Target, Option()],
    host: Annotated[str, Option()],
    port: Annotated[int, Option()],
    requests: Annotated[Path, Option(help="msgpack: entities of raw reads, or HTTP requests")],
    namespace: Annotated[str, Option()] = "",
    table: Annotated[str, Option()] = "",
    rate: Annotated[float, Option(help="Requests a second; 0 = as many as it gets.")] = 0.0,
    seconds: Annotated[float, Option()] = 20.0,
    warm_up_seconds: Annotated[float, Option()] = 5.0,
    connections: Annotated[int, Option()] = 32,
) -> None:
    """Call, then print the figures as JSON on one line."""
    content = requests.read_bytes()
    if target is Target.RAW:
        entities = msgspec.msgpack.decode(content, type=list[str])
        store = HBaseStore(host, port, namespace, _TIMEOUT_SECONDS)
        calls = [raw_call(store, table, entities) for _ in range(connections)]
    else:
        messages = msgspec.msgpack.decode(content, type=list[bytes])
        calls = [http_call(host, port, messages) for _ in range(connections)]
    if rate:
        answers = open_loop(calls, rate=rate, seconds=seconds, warm_up_seconds=warm_up_seconds)
    else:
        answers = saturated(calls, seconds=seconds, warm_up_seconds=warm_up_seconds)
    figures = figures_of(answers.latencies_seconds)
    line = {
        "answers": len(answers.latencies_seconds),
        "failed": answers.failed,
        "per_second": answers.per_second,
        "p50_ms": figures.p50_ms,
        "p95_ms": figures.p95_ms,
        "p99_ms": figures.p99_ms,
        "max_ms": figures.max_ms,
        "mean_ms": float(np.mean(answers.latencies_seconds)) * 1000,
    }
    print(json.dumps(line), flush=True)


if __name__ == "__main__":
    typer.run(main)
