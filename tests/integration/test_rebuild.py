"""States of other definitions are refused, and rebuilt from the events alone."""

from stores.hbase.keys import entity_of
from stores.hbase.tables import STATE
from tests.scenarios.tiny import SCENARIO
from tests.support.judgement import drained
from tests.support.lane import START_SECONDS, Lane
from tests.support.tiny_load import publish
from tests.support.tiny_model import reading
from tests.support.undisturbed import differences, newest_cells

MACHINES = [f"machine {number}" for number in range(30)]


def publish_readings(lane: Lane, *, begin: int, end: int) -> None:
    """Readings number `begin` to `end` - 1, of all machines in turn."""
    records = [
        (machine.encode(), reading(machine, seconds=n, temperature_c=n * 37 % 150))
        for n in range(begin, end)
        for machine in [MACHINES[n % len(MACHINES)]]
    ]
    publish(lane.servers, [*records, (b"machine 1", b"{bad")])


def spoil_one_state(lane: Lane) -> str:
    """Give one machine's newest state the digest of other definitions, and return its id."""
    key, cell = next((key, row[STATE]) for key, row in newest_cells(lane.store).items())
    with lane.store.open() as connection:
        table = connection.table("tiny")
        ((_, at),) = table.cells(key, STATE, versions=1, include_timestamp=True)
        table.put(key, {STATE: cell[:2] + bytes(8) + cell[10:]}, timestamp=at)
    return entity_of(key)


def test_states_and_rows_are_made_anew_equal_to_the_byte_and_the_stream_goes_on(
    lane: Lane,
) -> None:
    job = lane.start_scoring()
    publish_readings(lane, begin=0, end=500)
    drained(lane)
    assert job.terminate() == 143
    before = newest_cells(lane.store)
    spoilt = spoil_one_state(lane)

    # Of this machine only: events of others might be scored before the stream is refused.
    publish(lane.servers, [(spoilt.encode(), reading(spoilt, seconds=500, temperature_c=20.0))])
    refused = lane.start()
    assert refused.process.wait(START_SECONDS) == 4, refused.output()[-4000:]
    assert "rebuild_state" in refused.output()

    too_early = lane.run_to_end("rebuild_state", "--yes")
    assert too_early.process.returncode == 4, too_early.output()[-4000:]
    assert "run ./spark-submit.sh archive_stream" in too_early.output()
    archived = lane.run_to_end("archive_stream", "--once")
    assert archived.process.returncode == 0, archived.output()[-4000:]
    rebuild = lane.run_to_end("rebuild_state", "--yes")
    assert rebuild.process.returncode == 0, rebuild.output()[-4000:]
    assert differences(newest_cells(lane.store), before) == {}
    assert lane.epoch().epoch == 2

    job = lane.start_scoring()
    publish_readings(lane, begin=500, end=600)
    messages = drained(lane)
    cells = [row[STATE] for row in newest_cells(lane.store).values()]
    assert SCENARIO.codec.decode(cells).events.sum() == 601
    assert job.terminate() == 143
    # The last batches before the rebuild may be logged again, in the new epoch.
    kinds = {
        at: {message.topic for message in outcomes} for at, outcomes in messages.outcomes.items()
    }
    assert {at: topics for at, topics in kinds.items() if len(topics) != 1} == {}
