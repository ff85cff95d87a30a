"""A million customers copied from the real ones: their states in HBase, as a stream leaves them."""

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import islice

import numpy as np
import numpy.typing as npt

from features.events.decode import EventDecoder, Records
from features.fold.fold import distinct, fold
from features.fold.state import StateCodec, States
from scenarios.churn.scenario import SCENARIO
from scenarios.churn.source import open_source
from scenarios.simulation.records import EVENTS
from stores.hbase.connection import HBaseStore, Session
from stores.hbase.stamps import FIRST_EPOCH, stamp
from stores.hbase.states import StateTable

MAX_EVENT_BYTES, MAX_SKEW_SECONDS = 1_048_576, 300.0
PARTITIONS = 2
# Entities that one write of the stream leaves at one stamp: the batches of a busy partition.
_PER_STAMP = 300
_CONNECTIONS = 4
_ARRIVED_MS = 1_800_000_000_000


def decoder() -> EventDecoder:
    """A decoder of churn events with the usual limits."""
    return EventDecoder(
        SCENARIO.schema,
        max_event_bytes=MAX_EVENT_BYTES,
        max_future_skew_seconds=MAX_SKEW_SECONDS,
    )


def real_events(*, follow_ups: int, seed: int) -> list[tuple[bytes, bytes]]:
    """Key and value of every real customer's profile event, then of simulated follow-ups."""
    source, now = open_source(None, None), datetime(2026, 11, 21, tzinfo=UTC)
    simulated = source.follow_ups(
        seed=seed, now=lambda: now, bad_share=0.0, too_large_bytes=MAX_EVENT_BYTES
    )
    records = [*source.history(with_labels=False), *islice(iter(simulated), follow_ups)]
    return [(r.key or b"", r.value or b"") for r in records if r.topic_kind == EVENTS]


def records_of(events: Sequence[tuple[bytes, bytes]]) -> Records:
    """The events as Kafka records at offsets 0, 1, ..."""
    arrived_ms = np.full(len(events), _ARRIVED_MS)
    keys, values = [key for key, _ in events], [value for _, value in events]
    return Records(keys, values, np.arange(len(events)), arrived_ms)


def folded(events: Sequence[tuple[bytes, bytes]]) -> tuple[list[str], States]:
    """Ids and states of the customers after the real fold over `events`."""
    decoded = decoder().decode(records_of(events))
    entities = distinct(decoded.entities)
    states = SCENARIO.codec.empty(len(entities.ids))
    stamps = np.arange(len(decoded.rows)) + stamp(FIRST_EPOCH, 0)
    fold(SCENARIO.plan, states, decoded, entity_rows=entities.rows, stamps=stamps, partition=0)
    return entities.ids, states


@dataclass(frozen=True)
class Crowd:
    """`size` seeded copies of the real customers, each with an id and a position of its own."""

    ids: Sequence[str]
    states: States
    size: int
    seed: int

    def groups(self) -> Iterator[tuple[int, list[str], list[bytes]]]:
        """Stamp, ids and cells of the copies that one write of the stream would leave."""
        originals = np.random.default_rng(self.seed).permutation(self.size) % len(self.ids)
        for number, begin in enumerate(range(0, self.size, _PER_STAMP)):
            copies = np.arange(begin, min(begin + _PER_STAMP, self.size))
            partition, batch = number % PARTITIONS, number // PARTITIONS
            stamps = stamp(FIRST_EPOCH, batch * _PER_STAMP) + np.arange(len(copies))
            names = [f"{self.ids[originals[copy]]}-{copy:07d}" for copy in copies]
            cells = _copied(SCENARIO.codec, self.states, originals[copies], stamps, partition)
            yield int(stamps[-1]), names, cells

    def write(self, store: HBaseStore) -> None:
        """Put all of them into HBase, over several connections."""
        with ThreadPoolExecutor(_CONNECTIONS) as pool:
            sessions = [Session(store, retry_seconds=60.0) for _ in range(_CONNECTIONS)]
            tables = [StateTable(session, SCENARIO.name) for session in sessions]
            groups = iter(self.groups())
            while ahead := list(islice(groups, _CONNECTIONS)):
                list(pool.map(_write, tables, ahead))
            for session in sessions:
                session.close()


def _write(table: StateTable, group: tuple[int, list[str], list[bytes]]) -> None:
    position, ids, cells = group
    table.write(ids, cells, [None] * len(ids), position=position)


def _copied(
    codec: StateCodec,
    states: States,
    rows: npt.NDArray[np.int64],
    stamps: npt.NDArray[np.int64],
    partition: int,
) -> list[bytes]:
    copies = States(
        first_stamp=stamps,
        last_stamp=stamps,
        partition=np.full(len(rows), partition, dtype=np.int64),
        events=states.events[rows],
        latest_ms=states.latest_ms[rows],
        slots=states.slots[rows],
    )
    return codec.encode(copies)
