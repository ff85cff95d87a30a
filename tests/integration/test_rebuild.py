"""States of other definitions are refused, and made anew from the events alone."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager

import numpy as np
import pytest

from features.state import States
from stores.keys import entity_of
from stores.stamps import OFFSET_BITS
from stores.tables import STATE
from tests.scenarios.tiny import SCENARIO
from tests.support.judgement import drained
from tests.support.lane import START_SECONDS, Lane
from tests.support.tiny_load import publish
from tests.support.tiny_model import reading
from tests.support.undisturbed import newest_cells

MACHINES = [f"machine {number}" for number in range(30)]


@pytest.fixture(scope="module")
def lane(lanes: Callable[[], AbstractContextManager[Lane]]) -> Iterator[Lane]:
    """A lane for the tests of this file, in order."""
    with lanes() as opened:
        yield opened


def publish_readings(lane: Lane, *, begin: int, end: int) -> None:
    """Readings number `begin` to `end` - 1, of all machines in turn."""
    records = [
        (machine.encode(), reading(machine, seconds=n, temperature_c=n * 37 % 150))
        for n in range(begin, end)
        for machine in [MACHINES[n % len(MACHINES)]]
    ]
    publish(lane.servers, [*records, (b"machine 1", b"{bad")])


def states(lane: Lane) -> tuple[list[str], States]:
    """Machines in order of their keys, and their newest states."""
    cells = newest_cells(lane.store)
    ids = [entity_of(key) for key in sorted(cells)]
    return ids, SCENARIO.codec.decode([cells[key][STATE] for key in sorted(cells)])


def spoil_one_state(lane: Lane) -> None:
    """Give one machine's newest state the digest of other definitions."""
    key, cell = next((key, row[STATE]) for key, row in newest_cells(lane.store).items())
    with lane.store.open() as connection:
        table = connection.table("tiny")
        ((_, at),) = table.cells(key, STATE, versions=1, include_timestamp=True)
        table.put(key, {STATE: cell[:2] + bytes(8) + cell[10:]}, timestamp=at)


def test_states_are_made_anew_equal_and_the_stream_goes_on(lane: Lane) -> None:
    job = lane.start_scoring()
    publish_readings(lane, begin=0, end=500)
    drained(lane)
    assert job.terminate() == 143
    ids, before = states(lane)
    spoil_one_state(lane)

    publish_readings(lane, begin=500, end=600)
    refused = lane.start()
    assert refused.process.wait(START_SECONDS) == 4, refused.output()[-4000:]
    assert "rebuild_state" in refused.output()

    rebuild = lane.run("rebuild_state", "--yes")
    assert rebuild.process.wait(START_SECONDS) == 0, rebuild.output()[-4000:]
    again, after = states(lane)
    assert again == ids
    assert np.array_equal(after.slots, before.slots, equal_nan=True)
    assert np.array_equal(after.events, before.events)
    assert np.array_equal(after.latest_ms, before.latest_ms)
    offsets = (1 << OFFSET_BITS) - 1
    assert np.array_equal(after.last_stamp & offsets, before.last_stamp & offsets)
    assert set((after.last_stamp >> OFFSET_BITS).tolist()) == {2}

    job = lane.start_scoring()
    told = drained(lane)
    _, finally_ = states(lane)
    assert finally_.events.sum() == 600
    assert job.terminate() == 143
    # The last batches before the rebuild may be told again, in the new epoch's name.
    kinds = {at: {message.topic for message in found} for at, found in told.outcomes.items()}
    assert {at: topics for at, topics in kinds.items() if len(topics) != 1} == {}
