"""A second stream, damaged checkpoints, lost regions and tables: the right result, or a refusal
that names a command which works.
"""

from pathlib import Path

import pytest

from stores.hbase.keys import entity_of
from stores.hbase.stamps import stamp
from stores.hbase.tables import CONTROL, STATE
from stores.records.control import DEPLOYMENT, EPOCH, read_control
from stores.records.deployments import Deployment, read_deployment
from tests.scenarios.tiny import SCENARIO
from tests.support.judgement import drained
from tests.support.lane import Lane
from tests.support.processes import Job
from tests.support.tiny_load import publish
from tests.support.tiny_model import reading
from tests.support.undisturbed import newest_cells

MACHINES = [f"machine {number}" for number in range(40)]
NOTICED_SECONDS = 90.0


@pytest.fixture(scope="module")
def deployed(lane: Lane) -> Deployment:
    """What is deployed before anything is lost."""
    deployment = read_deployment(lane.store, "tiny")
    assert deployment is not None
    return deployment


@pytest.fixture(scope="module")
def published() -> list[int]:
    """How many readings each machine has had, over all tests."""
    return [0]


def publish_one_each(lane: Lane, published: list[int]) -> None:
    """A reading of every machine."""
    publish(
        lane.servers,
        [(m.encode(), reading(m, seconds=published[0], temperature_c=50.0)) for m in MACHINES],
    )
    published[0] += 1


def check_every_event_is_folded_once(lane: Lane, published: list[int]) -> None:
    """Each machine's state has all of its readings."""
    cells = {entity_of(key): row[STATE] for key, row in newest_cells(lane.store).items()}
    events = SCENARIO.codec.decode(list(cells.values())).events.tolist()
    assert dict(zip(cells, events, strict=True)) == dict.fromkeys(MACHINES, published[0])


def refused(lane: Lane, name: str, *arguments: str) -> str:
    """The output of the job `name`, which must end with exit code 4."""
    job = lane.run_to_end(name, *arguments)
    assert job.process.returncode == 4, job.output()[-4000:]
    return job.output()


def done(lane: Lane, name: str, *arguments: str) -> str:
    """The output of the job `name`, which must end well."""
    job = lane.run_to_end(name, *arguments)
    assert job.process.returncode == 0, job.output()[-4000:]
    return job.output()


def score(lane: Lane, published: list[int]) -> Job:
    """A stream that has scored one more reading of every machine."""
    job = lane.start_scoring()
    publish_one_each(lane, published)
    drained(lane)
    check_every_event_is_folded_once(lane, published)
    return job


def newest(folder: Path, name: str) -> Path:
    """The newest entry of one of Spark's logs."""
    entries = [path for path in folder.glob(f"e*-g*/spark/{name}/*") if path.name.isdecimal()]
    return max(entries, key=lambda path: (path.parent.parent.parent.name, int(path.name)))


@pytest.mark.usefixtures("deployed")
def test_a_second_stream_is_refused_and_the_first_one_goes_on(
    lane: Lane, published: list[int]
) -> None:
    job = score(lane, published)
    output = refused(lane, "score_stream")
    assert f"scoring of tiny is held by score_stream, process {job.process.pid} of" in output
    assert "--take-over" in output
    assert "Traceback" not in output
    assert f"process {job.process.pid}" in refused(lane, "rebuild_state", "--yes")
    publish_one_each(lane, published)
    drained(lane)
    check_every_event_is_folded_once(lane, published)
    assert job.terminate() == 143


def test_after_damage_to_the_checkpoint_the_stream_goes_on_at_a_marker(
    lane: Lane, published: list[int]
) -> None:
    folder = lane.folder / "checkpoints" / "tiny"
    entry = newest(folder, "offsets")
    entry.write_bytes(entry.read_bytes()[: entry.stat().st_size // 2])
    metadata = entry.parent.parent / "metadata"
    metadata.write_bytes(bytes([metadata.read_bytes()[0] ^ 8]) + metadata.read_bytes()[1:])
    job = score(lane, published)
    assert "restart" not in job.output()
    (line,) = [line for line in job.output().splitlines() if "cannot be read" in line]
    assert f"offsets/{entry.name}: ChecksumException" in line
    assert "metadata: ChecksumException" in line
    assert job.terminate() == 143


def test_without_any_checkpoint_the_stream_goes_on_at_a_marker(
    lane: Lane, published: list[int]
) -> None:
    folder = lane.folder / "checkpoints" / "tiny"
    folder.rename(folder.with_name("lost"))
    job = score(lane, published)
    assert "restart" not in job.output()
    assert job.terminate() == 143


def test_a_lost_region_is_refused(lane: Lane) -> None:
    # A lost region leaves no tombstones: those here hide nothing that a later epoch writes.
    end_of_epoch = stamp(lane.epoch().epoch + 1, 0) - 1
    with lane.store.open() as connection:
        table = connection.table("tiny")
        for key, _ in list(table.scan(row_start=b"80")):
            table.delete(key, timestamp=end_of_epoch)
    output = refused(lane, "score_stream")
    assert "its region from '80' on holds no marker" in output
    assert "rebuild_state --scenario tiny" in output


def test_with_a_lost_control_table_no_epoch_is_begun_again(lane: Lane) -> None:
    done(lane, "archive_stream", "--once")
    epoch = lane.epoch().epoch
    with lane.session() as session:
        session.call(lambda connection: connection.table(CONTROL).delete(b"tiny"))
    done(lane, "archive_stream", "--once")
    with lane.session() as session:
        assert read_control(session, "tiny").epoch is None, (EPOCH, DEPLOYMENT)
    output = refused(lane, "score_stream")
    assert f"rows of epoch {epoch}" in output
    assert "rebuild_state --scenario tiny" in output


def test_lost_tables_come_back_from_the_archive(
    lane: Lane, deployed: Deployment, published: list[int]
) -> None:
    drop(lane, "tiny")
    drop(lane, CONTROL)
    assert "prepare_scenario --scenario tiny" in refused(lane, "score_stream")
    done(lane, "prepare_scenario")
    assert "rebuild_state --scenario tiny" in refused(lane, "score_stream")
    output = done(lane, "rebuild_state", "--yes")
    assert f"deployed again is {deployed.champion.name} version 1" in output
    assert read_deployment(lane.store, "tiny") == deployed
    assert lane.epoch().epoch == 2
    score(lane, published)


def test_a_table_that_vanishes_ends_the_stream_with_the_commands_that_bring_it_back(
    lane: Lane, published: list[int]
) -> None:
    (job,) = [job for job in lane.jobs if job.process.poll() is None]
    drop(lane, "tiny")
    publish_one_each(lane, published)
    assert job.process.wait(NOTICED_SECONDS) == 4, job.output()[-4000:]
    assert "prepare_scenario --scenario tiny" in job.output()
    assert "rebuild_state --scenario tiny" in job.output()


def drop(lane: Lane, table: str) -> None:
    """Lose a table with all that is in it."""
    with lane.store.open() as connection:
        connection.delete_table(table, disable=True)
