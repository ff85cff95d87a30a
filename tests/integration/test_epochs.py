"""A topic whose offsets mean something else now: refused, then continued in a new epoch.

An experiment runs all the while: no machine changes its arm.
"""

from collections import Counter
from collections.abc import Mapping
from dataclasses import replace

import msgspec
import pytest

from features.events.partitioners import CRC32, MURMUR2
from stores.hbase.keys import entity_of
from stores.hbase.tables import STATE
from stores.records.deployments import read_deployment, write_deployment
from streaming.advance.next_epoch import changes, epoch_of_rebuild
from tests.scenarios.tiny import SCENARIO
from tests.support.judgement import check_conservation, drained
from tests.support.lane import EVENTS, PARTITIONS, START_SECONDS, Lane
from tests.support.output_messages import OutputMessages
from tests.support.processes import Job, wait_until
from tests.support.tiny_load import publish
from tests.support.tiny_model import reading, save_tiny_model
from tests.support.undisturbed import newest_cells

MACHINES = [f"machine {number}" for number in range(40)]
NOTICED_SECONDS = 60.0
# However busy the machine is, the challenger stays.
NEVER_WITHDRAWN = ("stream.trial_time_ratio=1000000", "stream.trial_event_seconds=1000")


@pytest.fixture(scope="module")
def published() -> Counter[str]:
    """How many events of each machine have been published, over all epochs."""
    return Counter()


@pytest.fixture(scope="module")
def experiment(lane: Lane, tmp_path_factory: pytest.TempPathFactory) -> str:
    """The id of an experiment in which a challenger decides for half of the machines."""
    current = read_deployment(lane.store, "tiny")
    assert current is not None
    challenger = save_tiny_model(tmp_path_factory.mktemp("challenger") / "2", seed=2)
    write_deployment(
        lane.store,
        replace(current, challenger=challenger, challenger_share=0.5, experiment="halves"),
    )
    return "halves"


@pytest.fixture(scope="module")
def first_arms() -> dict[str, str]:
    """Machine → its arm, as predictions before the topic was recreated say it."""
    return {}


def arms_by_epoch(messages: OutputMessages, *, experiment: str) -> dict[str, dict[str, set[str]]]:
    """Epoch → machine → the arms that its predictions name."""
    arms: dict[str, dict[str, set[str]]] = {}
    for outcomes in messages.outcomes.values():
        for message in outcomes:
            document = msgspec.json.decode(message.value or b"")
            assert document["experiment"]["id"] == experiment
            assert document["model"]["version"] == (
                "2" if document["experiment"]["arm"] == "challenger" else "1"
            )
            epoch = arms.setdefault(document["prediction_id"].split("-")[1], {})
            epoch.setdefault(document["entity"], set()).add(document["experiment"]["arm"])
    return arms


def publish_one_each(lane: Lane, published: Counter[str]) -> None:
    """A reading of every machine."""
    seconds = float(published.total())
    publish(
        lane.servers,
        [(m.encode(), reading(m, seconds=seconds, temperature_c=50.0)) for m in MACHINES],
    )
    published.update(MACHINES)


def wait_for_rows(lane: Lane) -> None:
    """Wait until the rows of all events are written; their messages may not be published yet."""
    ends = lane.ends()
    wait_until(lambda: lane.marked() == ends, timeout=60.0, what=f"rows of events up to {ends}")


def events_folded(lane: Lane) -> Mapping[str, int]:
    """Machine → number of events in its newest state."""
    cells = {entity_of(key): row[STATE] for key, row in newest_cells(lane.store).items()}
    states = SCENARIO.codec.decode(list(cells.values()))
    return dict(zip(cells, states.events.tolist(), strict=True))


def refused(job: Job, *, timeout: float) -> str:
    """The output of a job that must end with exit code 4."""
    assert job.process.wait(timeout) == 4, job.output()[-4000:]
    return job.output()


def advance(lane: Lane) -> str:
    """Begin the next epoch as an operator does."""
    job = lane.run_to_end("advance_epoch", "--yes")
    assert job.process.returncode == 0, job.output()[-4000:]
    return job.output()


def test_more_partitions_while_running_stop_the_stream(
    lane: Lane, published: Counter[str], experiment: str
) -> None:
    # The checkpoint stays behind the rows, as it does for up to a second under load.
    job = lane.start_scoring(settings=["stream.progress_interval_ms=600000", *NEVER_WITHDRAWN])
    for _ in range(4):
        publish_one_each(lane, published)
        wait_for_rows(lane)
    lane.add_partitions(PARTITIONS + 1)
    output = refused(job, timeout=NOTICED_SECONDS)
    assert "advance_epoch --scenario tiny" in output
    assert events_folded(lane) == published


def test_states_may_be_rebuilt_before_the_change_is_made(lane: Lane) -> None:
    """A table lost on such a topic is restored by rebuild_state, then advance_epoch."""
    old = lane.epoch()
    again = epoch_of_rebuild(
        lane.kafka, old, lane.marked(), partitioner=CRC32, after_epoch=old.epoch
    )
    assert (again.epoch, again.partitions, again.partitioner) == (2, PARTITIONS, MURMUR2)
    assert again.first_offsets == lane.marked()
    assert changes(again, partitions=PARTITIONS + 1, partitioner=MURMUR2) == (
        f"{PARTITIONS} partitions are now {PARTITIONS + 1}"
    )


def test_after_advance_epoch_the_stream_goes_on_and_counts_nothing_twice(
    lane: Lane, published: Counter[str], experiment: str, first_arms: dict[str, str]
) -> None:
    advance(lane)
    assert lane.epoch().epoch == 2
    publish_one_each(lane, published)
    job = lane.start_scoring(settings=NEVER_WITHDRAWN)
    messages = drained(lane)
    assert events_folded(lane) == published
    (last,) = messages.outcomes[max(messages.outcomes)]
    assert msgspec.json.decode(last.value or b"")["prediction_id"].startswith("tiny-2-")
    assert job.terminate() == 143
    check_conservation(lane, messages)
    # After a restart and with another number of partitions every machine is in the arm it was in.
    arms = arms_by_epoch(messages, experiment=experiment)
    assert sorted(arms) == ["1", "2"]
    assert arms["1"] == arms["2"]
    assert set(arms["1"]) == set(MACHINES)
    first_arms.update({machine: "/".join(names) for machine, names in arms["1"].items()})
    assert set(first_arms.values()) == {"champion", "challenger"}


def test_a_recreated_topic_is_refused_at_the_start(lane: Lane, published: Counter[str]) -> None:
    before = newest_cells(lane.store)
    lane.make_topics(partitions=PARTITIONS)
    publish_one_each(lane, published)
    output = refused(lane.start(), timeout=START_SECONDS)
    assert f"topic {EVENTS} was recreated" in output
    assert "advance_epoch --scenario tiny" in output
    assert newest_cells(lane.store) == before


def test_until_then_nothing_of_the_recreated_topic_is_said_to_be_scored(lane: Lane) -> None:
    status = lane.run_to_end("show_status")
    assert status.process.returncode == 0, status.output()[-3000:]
    assert f"topic {EVENTS} was recreated" in status.output()
    reconciled = lane.run_to_end("reconcile")
    assert reconciled.process.returncode == 5, reconciled.output()[-3000:]
    assert "offset 0: in no epoch: not scored" in reconciled.output()
    assert "each with one outcome" not in reconciled.output()


def test_after_advance_epoch_the_recreated_topic_goes_on_from_the_old_states(
    lane: Lane, published: Counter[str], experiment: str, first_arms: dict[str, str]
) -> None:
    advance(lane)
    job = lane.start_scoring(settings=NEVER_WITHDRAWN)
    messages = drained(lane)
    assert lane.epoch().epoch == 3
    assert events_folded(lane) == published
    assert job.terminate() == 143
    check_conservation(lane, messages)
    arms = arms_by_epoch(messages, experiment=experiment)
    assert arms == {"3": {machine: {arm} for machine, arm in first_arms.items()}}
    reconciled = lane.run_to_end("reconcile")
    assert reconciled.process.returncode == 0, reconciled.output()[-3000:]
    assert f"{len(MACHINES)} events, each with one outcome" in reconciled.output()


def test_a_topic_recreated_while_running_stops_the_stream(lane: Lane) -> None:
    job = lane.start_scoring()
    lane.make_topics(partitions=PARTITIONS)
    assert "advance_epoch --scenario tiny" in refused(job, timeout=NOTICED_SECONDS)
