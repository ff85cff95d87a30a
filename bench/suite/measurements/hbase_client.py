"""One client that does nothing but put, or get, rows that a run of ours has left in HBase."""

import json
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum
from itertools import cycle
from pathlib import Path
from typing import Annotated

import msgspec
import numpy as np
import typer

from stores.hbase.connection import HBaseStore, Session
from stores.hbase.stamps import FIRST_EPOCH, stamp
from stores.hbase.states import StateTable


class Mode(Enum):
    """What the client does with each batch of rows."""

    PUT = "put"
    GET = "get"
    GET_AND_PUT = "get-and-put"


class SavedRow(msgspec.Struct, frozen=True, array_like=True):
    """One customer's cells."""

    entity: str
    state: bytes
    latest: bytes


@dataclass(frozen=True)
class Batch:
    """Rows as one call takes them."""

    entities: list[str]
    states: list[bytes]
    latest: list[bytes | None]


def batches_of(rows: list[SavedRow], *, batch_rows: int) -> list[Batch]:
    """The rows in batches like those of our stream."""
    parts = [rows[begin : begin + batch_rows] for begin in range(0, len(rows), batch_rows)]
    return [
        Batch([r.entity for r in part], [r.state for r in part], [r.latest for r in part])
        for part in parts
    ]


def batches_in_turns(
    rows: list[SavedRow], *, customers: int, part: int, parts: int, batch_rows: int
) -> Iterator[Batch]:
    """Endless batches: every `parts`-th of `customers`, from `part` on, takes turns at random.

    Their cells are those of `rows`, over and over.
    """
    random = np.random.default_rng(part)
    numbers = np.arange(part, customers, parts)
    while True:
        random.shuffle(numbers)
        for begin in range(0, len(numbers), batch_rows):
            ids = numbers[begin : begin + batch_rows].tolist()
            cells = [rows[entity_id % len(rows)] for entity_id in ids]
            yield Batch([*map(str, ids)], [r.state for r in cells], [r.latest for r in cells])


@dataclass(frozen=True)
class Client:
    """A client that goes on through endless `batches`; it puts from offset `first_offset` on."""

    table: StateTable
    batches: Iterator[tuple[int, Batch]]
    first_offset: int = 0

    def run(self, mode: Mode, *, seconds: float) -> float:
        """Rows per second over `seconds`."""
        done, began = 0, time.monotonic()
        act = {Mode.PUT: self._put, Mode.GET: self._get, Mode.GET_AND_PUT: self._get_and_put}[mode]
        for number, batch in self.batches:
            act(number, batch)
            done += len(batch.entities)
            if time.monotonic() - began >= seconds:
                break
        return done / (time.monotonic() - began)

    def _get(self, _: int, batch: Batch) -> None:
        self.table.newest(batch.entities)

    def _put(self, number: int, batch: Batch) -> None:
        # Each batch at a later position, as a stream's: a version of its own.
        position = stamp(FIRST_EPOCH, self.first_offset + number * len(batch.entities))
        self.table.write(batch.entities, batch.states, batch.latest, position=position)

    def _get_and_put(self, number: int, batch: Batch) -> None:
        self._get(number, batch)
        self._put(number, batch)


def saved_rows(file: Path, *, part: int, parts: int) -> list[SavedRow]:
    """Every `parts`-th row of `file`, from row `part` on."""
    return msgspec.msgpack.decode(file.read_bytes(), type=list[SavedRow])[part::parts]


def main(
    host: Annotated[str, typer.Option()],
    port: Annotated[int, typer.Option()],
    namespace: Annotated[str, typer.Option()],
    table: Annotated[str, typer.Option()],
    rows: Annotated[Path, typer.Option()],
    mode: Annotated[Mode, typer.Option()],
    part: Annotated[int, typer.Option()] = 0,
    parts: Annotated[int, typer.Option()] = 1,
    seconds: Annotated[float, typer.Option()] = 10.0,
    batch_rows: Annotated[int, typer.Option()] = 4_000,
    customers: Annotated[int, typer.Option()] = 0,
    warm_up_seconds: Annotated[float, typer.Option()] = 0.0,
    first_offset: Annotated[int, typer.Option()] = 0,
) -> None:
    """Connect, print `ready`, wait for a line on stdin, work, print the rate as JSON.

    customers: with it so many of them take turns, else those of the rows alone.
    """
    session = Session(HBaseStore(host, port, namespace, 60.0), retry_seconds=0.0)
    if customers:
        saved = saved_rows(rows, part=0, parts=1)
        batches = batches_in_turns(
            saved, customers=customers, part=part, parts=parts, batch_rows=batch_rows
        )
    else:
        saved = saved_rows(rows, part=part, parts=parts)
        batches = cycle(batches_of(saved, batch_rows=batch_rows))
    client = Client(StateTable(session, table), enumerate(batches, 1), first_offset)
    client.run(mode, seconds=0.2)
    print("ready", flush=True)
    sys.stdin.readline()
    if warm_up_seconds:
        client.run(mode, seconds=warm_up_seconds)
    print(json.dumps({"rows_per_second": client.run(mode, seconds=seconds)}), flush=True)
    session.close()


if __name__ == "__main__":
    typer.run(main)
