"""How many rows a second HBase itself takes or gives: clients that do nothing else, for a while.

Each client has its own connection and its own share of the keys, and sends its next batch when the
last one is answered. The documents are as long as a system's own, and made before the clock runs.
"""

import argparse
import json
import multiprocessing
import sys
import time
from dataclasses import asdict, dataclass
from multiprocessing.synchronize import Barrier
from typing import Any

from bench.peers.rows import Rows, row_key


@dataclass(frozen=True, kw_only=True)
class Task:
    """What the clients do; entities are the decimal texts of 0 to `entities` - 1."""

    hbase_host: str
    hbase_port: int
    table: str
    mode: str
    entities: int
    document_bytes: int
    batch_rows: int
    clients: int
    seconds: float


def parse_task() -> Task:
    """Read the command line; exits with code 2 and the usage when it is wrong."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--hbase-host", required=True)
    parser.add_argument("--hbase-port", type=int, required=True)
    parser.add_argument("--table", required=True, help="namespace:table")
    parser.add_argument("--mode", choices=("put", "get"), required=True)
    parser.add_argument("--entities", type=int, default=50_000)
    parser.add_argument("--document-bytes", type=int, default=160)
    parser.add_argument("--batch-rows", type=int, default=2000)
    parser.add_argument("--clients", type=int, default=2)
    parser.add_argument("--seconds", type=float, default=10.0)
    task = Task(**vars(parser.parse_args()))
    if min(task.entities, task.document_bytes, task.batch_rows, task.clients, task.seconds) <= 0:
        parser.error(f"every number must be above 0, got {asdict(task)}")
    return task


def document_of(entity: str, size_bytes: int) -> bytes:
    """A JSON document of the entity, padded to `size_bytes` (not cut when it is longer)."""
    document = {"entity": entity, "score": 0.12345678901234568, "padding": ""}
    document["padding"] = "x" * max(0, size_bytes - len(json.dumps(document)))
    return json.dumps(document).encode()


def rows_per_second(task: Task) -> float:
    """Rows that all clients together put or got, by the time from the start to the last answer."""
    context = multiprocessing.get_context("fork")
    start, answers = context.Barrier(task.clients + 1), context.SimpleQueue()
    clients = [
        context.Process(target=_client, args=(task, index, start, answers), daemon=True)
        for index in range(task.clients)
    ]
    for each in clients:
        each.start()
    start.wait()
    began = time.monotonic()
    found = [answers.get() for _ in clients]
    took = time.monotonic() - began
    for each in clients:
        each.join()
    return float(sum(found)) / took


def _client(task: Task, index: int, start: Barrier, answers: Any) -> None:
    entities = [str(number) for number in range(index, task.entities, task.clients)]
    rows = [(row_key(e.encode()), document_of(e, task.document_bytes)) for e in entities]
    batches = [rows[i : i + task.batch_rows] for i in range(0, len(rows), task.batch_rows)]
    done, place = 0, 0
    with Rows(task.hbase_host, task.hbase_port, task.table) as table:
        start.wait()
        until = time.monotonic() + task.seconds
        while time.monotonic() < until:
            batch = batches[place]
            if task.mode == "put":
                table.put(batch, batch_rows=task.batch_rows)
                done += len(batch)
            else:
                done += table.get([key for key, _ in batch])
            place = (place + 1) % len(batches)
    answers.put(done)


def main() -> int:
    """Print one line of JSON; exit code 5 when `get` finds no rows because none were put."""
    task = parse_task()
    rate = rows_per_second(task)
    print(json.dumps({**asdict(task), "rows_per_second": round(rate, 1)}), flush=True)
    return 0 if rate > 0 else 5


if __name__ == "__main__":
    sys.exit(main())
