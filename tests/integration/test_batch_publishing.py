"""Batch rows in a real HBase: written at the state's position, never over a newer event's row."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import msgspec
import pyarrow as pa
import pytest

from batch.scoring.publish import PublishTask
from batch.scoring.rows import RowTask
from batch.scoring.states import PREFIXES, ScanTask
from stores.hbase.connection import HBaseStore, Session
from stores.hbase.keys import row_key
from stores.hbase.predictions import Prediction, reader
from stores.hbase.stamps import stamp
from stores.hbase.states import Marker, StateTable
from stores.hbase.tables import LATEST
from stores.records.deployments import ModelPointer
from tests.support.tiny_states import readings, tiny_cells, tiny_scorer

RUN, RUN_MS = "20261121T153000Z", 1_795_275_000_000
MACHINES = 40
POSITION = stamp(1, 500)
NEWER = b'{"written by":"a newer event"}'


@pytest.fixture
def cells() -> dict[str, bytes]:
    """States of machines, hot and cold."""
    return tiny_cells(readings(200, machines=MACHINES))


@pytest.fixture
def states(session: Session, cells: dict[str, bytes]) -> StateTable:
    """A store with older and newest states, written in two batches, and a marker."""
    table, entities = StateTable(session, "tiny"), sorted(cells)
    older = tiny_cells(readings(MACHINES, machines=MACHINES))
    table.write(
        entities, [older[entity] for entity in entities], [None] * MACHINES, position=POSITION
    )
    for number, part in enumerate((entities[:25], entities[25:])):
        newest = [cells[entity] for entity in part]
        table.write(part, newest, [None] * len(part), position=POSITION + 1 + number)
    table.write_marker(Marker(partition=0, epoch=1, offset=502), position=POSITION + 2)
    return table


@pytest.fixture
def row_task(tiny_pointer: ModelPointer) -> RowTask:
    return RowTask(scorer=tiny_scorer(tiny_pointer), run=RUN, scored_at_ms=RUN_MS)


def scanned(store: HBaseStore) -> pa.RecordBatch:
    """The newest states of all prefixes, as one batch."""
    prefixes = pa.RecordBatch.from_arrays([pa.array(range(PREFIXES))], names=["id"])
    parts = ScanTask(store, "tiny", retry_seconds=20.0)(iter([prefixes]))
    return pa.Table.from_batches(parts).sort_by("position").combine_chunks().to_batches()[0]


def publish(store: HBaseStore, row_task: RowTask, states: pa.RecordBatch) -> int:
    task = PublishTask(store, "tiny", retry_seconds=20.0)
    return sum(counts.column("rows")[0].as_py() for counts in task(row_task(iter([states]))))


def latest_cells(session: Session) -> dict[bytes, tuple[bytes, int]]:
    """Row key → cell and timestamp of all latest rows."""

    def scan(connection: Any) -> Any:
        return list(connection.table("tiny").scan(columns=[LATEST], include_timestamp=True))

    return {key: row[LATEST] for key, row in session.call(scan)}


def test_a_scan_finds_every_newest_state_with_its_position_and_no_marker(
    states: StateTable, store: HBaseStore, cells: dict[str, bytes]
) -> None:
    rows_by_entity = {row["entity"]: row for row in scanned(store).to_pylist()}
    assert {entity: row["cell"] for entity, row in rows_by_entity.items()} == cells
    assert {row["position"] for row in rows_by_entity.values()} == {POSITION + 1, POSITION + 2}


def test_rows_are_written_at_the_position_of_their_state(
    states: StateTable, store: HBaseStore, session: Session, row_task: RowTask
) -> None:
    scanned_states = scanned(store)
    assert publish(store, row_task, scanned_states) == MACHINES
    written = latest_cells(session)
    for row in scanned_states.to_pylist():
        document, position = written[row_key(row["entity"])]
        assert position == row["position"]
        assert msgspec.json.decode(document, type=Prediction).entity == row["entity"]
    with reader(store, "tiny") as rows:
        latest = rows.latest("machine 0")
    assert latest is not None
    assert latest.prediction_id == f"tiny-batch-{RUN}-1-0-{latest.source.offset}-v1"


def test_an_event_scored_between_reading_and_publishing_wins(
    states: StateTable, store: HBaseStore, session: Session, row_task: RowTask
) -> None:
    scanned_states = scanned(store)
    states.write(["machine 3"], [b"newer state"], [NEWER], position=POSITION + 900)
    publish(store, row_task, scanned_states)
    assert latest_cells(session)[row_key("machine 3")] == (NEWER, POSITION + 900)
    assert len(latest_cells(session)) == MACHINES


def test_an_event_scored_after_publishing_wins_and_an_older_one_does_not(
    states: StateTable, store: HBaseStore, session: Session, row_task: RowTask
) -> None:
    publish(store, row_task, scanned(store))
    before = latest_cells(session)
    states.write(["machine 3"], [b"newer state"], [NEWER], position=POSITION + 900)
    states.write(["machine 4"], [b"old state"], [b"an older row"], position=POSITION - 1)
    after = latest_cells(session)
    assert after[row_key("machine 3")] == (NEWER, POSITION + 900)
    assert after[row_key("machine 4")] == before[row_key("machine 4")]


def test_the_same_run_twice_leaves_the_same_bytes(
    states: StateTable, store: HBaseStore, session: Session, row_task: RowTask
) -> None:
    scanned_states = scanned(store)
    publish(store, row_task, scanned_states)
    before = latest_cells(session)
    publish(store, row_task, scanned_states)
    assert latest_cells(session) == before


def test_an_older_run_that_is_published_late_does_not_hide_a_newer_ones_states(
    new_store: Callable[[], HBaseStore], cells: dict[str, bytes], row_task: RowTask
) -> None:
    store = new_store()
    session = Session(store, retry_seconds=20.0)
    table = StateTable(session, "tiny")
    table.write(["machine 0"], [cells["machine 0"]], [None], position=POSITION)
    old = scanned(store)
    table.write(["machine 0"], [cells["machine 0"]], [None], position=POSITION + 7)
    publish(store, replace(row_task, run="20261128T153000Z"), scanned(store))
    publish(store, row_task, old)
    with reader(store, "tiny") as rows:
        latest = rows.latest("machine 0")
    session.close()
    assert latest is not None
    assert "20261128T153000Z" in latest.prediction_id
