"""Customers that are known before a run: their states in HBase, as an earlier epoch left them."""

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import islice

from bench.suite.load.sample_history import CUSTOMERS, EVENTS_EACH
from bench.suite.systems.place import Place
from stores.hbase.connection import Session
from stores.hbase.states import StateTable

_ROWS_PER_WRITE = 2_000
_CONNECTIONS = 3
# Of epoch 0, so older than every event that a stream reads, and no older than the states.
_POSITION = CUSTOMERS * EVENTS_EACH


def make_known(place: Place, cells: Sequence[bytes], *, customers: int) -> None:
    """Write one of `cells` for each of customers 0 to `customers` - 1, over several connections."""
    sessions = [Session(place.store, retry_seconds=120.0) for _ in range(_CONNECTIONS)]
    tables = [StateTable(session, place.table) for session in sessions]
    try:
        with ThreadPoolExecutor(_CONNECTIONS) as pool:
            groups = _groups(cells, customers)
            while ahead := list(islice(groups, _CONNECTIONS)):
                list(pool.map(_write, tables, ahead))
    finally:
        for session in sessions:
            session.close()


def _groups(cells: Sequence[bytes], customers: int) -> Iterator[tuple[list[str], list[bytes]]]:
    for begin in range(0, customers, _ROWS_PER_WRITE):
        batch = range(begin, min(begin + _ROWS_PER_WRITE, customers))
        yield (
            [str(customer) for customer in batch],
            [cells[customer % len(cells)] for customer in batch],
        )


def _write(table: StateTable, group: tuple[list[str], list[bytes]]) -> None:
    ids, cells = group
    table.write(ids, cells, [None] * len(ids), position=_POSITION)
