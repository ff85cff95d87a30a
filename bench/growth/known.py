"""Customers that are known before a run: their states in HBase, as an earlier epoch left them."""

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import islice

import numpy as np

from bench.suite.place import Place
from bench.suite.times import Wanted, spread_times
from bench.suite.workloads import Workload
from features.decode import EventDecoder, Records
from features.fold import distinct, fold
from scenarios.scenario import Scenario
from stores.connection import Session
from stores.states import StateTable

_SAMPLES = 2_000
_EVENTS_EACH = 20
_HISTORY_DAYS = 30.0
_ROWS_PER_WRITE = 2_000
_CONNECTIONS = 3
_SEED = 7
_MAX_EVENT_BYTES = 1 << 20
# Of epoch 0, so older than every event that a stream reads.
_POSITION = _SAMPLES * _EVENTS_EACH


def sample_cells(workload: Workload, scenario: Scenario, *, until_ms: int) -> list[bytes]:
    """State cells of 2,000 customers after the real fold over 20 events each, up to `until_ms`."""
    random = np.random.default_rng(_SEED)
    customers = np.tile(np.arange(_SAMPLES, dtype=np.int64), _EVENTS_EACH)
    times_ms = spread_times(len(customers), until_ms=until_ms, days=_HISTORY_DAYS)
    values = workload.events(random, Wanted(customers=customers, times_ms=times_ms))
    keys = [b"%d" % customer for customer in customers.tolist()]
    records = Records(keys, values, np.arange(len(keys)), np.full(len(keys), until_ms))
    decoder = EventDecoder(
        scenario.schema, max_event_bytes=_MAX_EVENT_BYTES, max_future_skew_seconds=0.0
    )
    events = decoder.decode(records)
    entities = distinct(events.entities)
    states = scenario.codec.empty(len(entities.ids))
    stamps = np.arange(len(events.rows))
    fold(scenario.plan, states, events, entity_rows=entities.rows, stamps=stamps, partition=0)
    return list(scenario.codec.encode(states))


def make_known(place: Place, cells: Sequence[bytes], *, customers: int) -> None:
    """Write a state for each of customers 0 to `customers` - 1, over several connections."""
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
        chosen = range(begin, min(begin + _ROWS_PER_WRITE, customers))
        yield [str(each) for each in chosen], [cells[each % len(cells)] for each in chosen]


def _write(table: StateTable, group: tuple[list[str], list[bytes]]) -> None:
    ids, cells = group
    table.write(ids, cells, [None] * len(ids), position=_POSITION)
