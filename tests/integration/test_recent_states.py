"""States cached in memory change nothing that is written, whichever worker scores or replays."""

from collections.abc import Callable

import numpy as np

from features.events.decode import Records
from scenarios.contract.scenario import Scenario
from stores.hbase.connection import HBaseStore, Session
from stores.hbase.states import StateTable, newest_cells
from stores.records.deployments import ModelPointer
from streaming.passes.batches import Batch
from streaming.passes.settings import PassSettings
from streaming.passes.table import PassTable
from streaming.recent.states import SharedMemory
from streaming.recent.table import RememberedTable
from streaming.scoring.models_in_use import ModelsInUse
from streaming.scoring.scoring_pass import ScoringPass
from streaming.scoring.second_entities import SecondEntityReader
from tests.scenarios.tiny import SCENARIO
from tests.support.tiny_model import deploy, reading

EVENTS, MACHINES = 120, 7
# Batches by first and next offset; the third and fourth replay the second with other bounds.
BATCHES = [(0, 10), (10, 40), (10, 25), (25, 40), (40, 41), (41, 100), (100, 120)]


def new_pass(store: HBaseStore, memory: SharedMemory | None) -> ScoringPass:
    """A pass as a fresh worker makes it, with or without states in memory."""
    scenario: Scenario = SCENARIO
    settings = PassSettings(
        scenario="tiny",
        module="tests.scenarios.tiny",
        store=store,
        epoch=1,
        first_offsets={0: 0},
        max_event_bytes=10_000,
        max_future_skew_seconds=300,
        retry_seconds=20,
    )
    session = Session(store, retry_seconds=20.0)
    table: PassTable = StateTable(session, "tiny")
    if memory is not None:
        table = RememberedTable(table, settings, memory)
    models = ModelsInUse(settings, session, scenario)
    return ScoringPass(settings, scenario, table, models, SecondEntityReader(scenario, []))


def batch(first: int, end: int) -> Batch:
    """Readings of some machines."""
    names = [f"m{offset % MACHINES}" for offset in range(first, end)]
    values = [
        reading(name, seconds=offset, temperature_c=40.0 + offset)
        for name, offset in zip(names, range(first, end), strict=True)
    ]
    arrived_ms = np.full(end - first, 1_800_000_000_000)
    keys = [name.encode() for name in names]
    return Batch(Records(keys, values, np.arange(first, end), arrived_ms), 0)


def test_workers_that_share_states_write_and_tell_what_one_that_reads_them_does(
    new_store: Callable[[], HBaseStore], tiny_pointer: ModelPointer
) -> None:
    plain, remembering = new_store(), new_store()
    for store in (plain, remembering):
        deploy(store, tiny_pointer)
    memory = SharedMemory(1 << 20)
    workers = [new_pass(remembering, memory), new_pass(remembering, memory)]
    reader = new_pass(plain, None)
    for number, bounds in enumerate(BATCHES):
        output = workers[number % 2].process(batch(*bounds))
        assert output.equals(reader.process(batch(*bounds)))
    assert len(newest_cells(plain, "tiny")) >= MACHINES
    assert newest_cells(plain, "tiny") == newest_cells(remembering, "tiny")
