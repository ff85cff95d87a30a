"""Transactional producers: committed events are scored once each, aborted ones never happened."""

import random

import pytest
from kafka import TopicPartition
from kafka.admin import ConfigResource, ConfigResourceType

from jobs.status.scored import wait_until_scored
from stores.kafka.cluster import KafkaCluster
from streaming.position.gaps import Gaps
from tests.support.judgement import check_equals_undisturbed
from tests.support.lane import EVENTS, PARTITIONS, Lane
from tests.support.output_messages import Listener, OutputMessages, Position, records_of
from tests.support.processes import wait_until
from tests.support.tiny_load import Record, publish, tiny_record
from tests.support.tiny_model import reading
from tests.support.transactions import Transactions
from tests.support.undisturbed import differences, newest_cells

SEED = 8
SCORED_SECONDS = 90.0


@pytest.fixture(scope="module")
def transactions(lane: Lane) -> Transactions:
    """A transactional producer."""
    return Transactions(lane.servers, "orders")


def some(count: int, *, seed: int) -> list[Record]:
    """Events of a few machines, some of them bad; in both partitions."""
    random_ = random.Random(seed)
    return [tiny_record(random_, machines=30) for _ in range(count)]


def readable(lane: Lane) -> set[Position]:
    """The positions of all committed events."""
    records_by_partition = records_of(lane.servers, EVENTS, lane.ends())
    return {
        (partition, record.offset)
        for partition, records in records_by_partition.items()
        for record in records
    }


def scored(lane: Lane) -> OutputMessages:
    """All output messages, once every committed event, and no other, has an outcome."""
    expected, listener = readable(lane), Listener(lane.servers)
    try:
        wait_until(
            lambda: expected <= listener.listen().outcomes.keys(),
            timeout=SCORED_SECONDS,
            what=f"outcome of {len(expected)} events:\n{lane.jobs[-1].output()[-3000:]}",
        )
        messages = listener.messages
    finally:
        listener.close()
    assert messages.outcomes.keys() == expected
    assert messages.contradictions() == {}
    return messages


def status(lane: Lane) -> dict[int, list[str]]:
    """Partition → the figures that show_status gives: first, end, done, waiting, uncommitted."""
    job = lane.run("show_status")
    assert job.process.wait(60) == 0, job.output()
    rows = [line.replace("┃", "│").split("│") for line in job.output().splitlines() if "│" in line]
    cells = [[cell.strip() for cell in row[1:-1]] for row in rows]
    return {int(row[0]): row[1:6] for row in cells if row[0].isdigit()}


def test_kafka_is_asked_what_a_gap_holds(lane: Lane, transactions: Transactions) -> None:
    aborted = transactions.aborted(some(20, seed=1))
    assert {partition for partition, _ in aborted} == set(range(PARTITIONS))
    stored = transactions.committed(some(40, seed=2))
    gaps, ends = Gaps(lane.kafka, EVENTS), lane.ends()
    try:
        for partition, end in ends.items():
            offsets = sorted(offset for at, offset in stored if at == partition)
            first, last = offsets[0], offsets[-1]
            assert first > 1  # behind what was aborted, and its marker
            assert last == end - 2  # before the marker of its own transaction
            assert gaps.are_empty(partition, 0, first)
            assert gaps.are_empty(partition, 0, 0)
            assert not gaps.are_empty(partition, 0, first + 1)
            assert not gaps.are_empty(partition, first, last)
            assert gaps.are_empty(partition, last + 1, end)
            assert not gaps.are_empty(partition, last + 1, end + 1)  # nobody knows yet
        with transactions.open(some(40, seed=3)):
            assert lane.ends() == ends  # what is not committed is not there yet
            for partition, end in ends.items():
                assert lane.kafka.uncommitted(EVENTS)[partition] > 0
                assert not gaps.are_empty(partition, end, end + 1)
            transactions.producer.abort_transaction(60)
        for partition, end in ends.items():
            assert gaps.are_empty(partition, end, lane.ends()[partition])
    finally:
        gaps.close()
    packed = Transactions(lane.servers, "labels", topic="tiny.labels")
    with lane.admin() as admin:  # zstd as it came: kafka-python cannot unpack it here
        settings = {"compression.type": "producer"}
        admin.alter_configs([ConfigResource(ConfigResourceType.TOPIC, "tiny.labels", settings)])
    packed.aborted(some(20, seed=4))
    stored, gaps = packed.committed(some(40, seed=5)), Gaps(lane.kafka, "tiny.labels")
    try:
        for partition in range(PARTITIONS):
            first = min(offset for at, offset in stored if at == partition)
            for _ in range(2):
                assert gaps.are_empty(partition, 0, first)
                assert not gaps.are_empty(partition, 0, first + 1)
                assert not gaps.are_empty(partition, first, first + 1)
                assert not gaps.are_empty(partition, first + 1, first + 2)
    finally:
        gaps.close()
    with pytest.raises(ConnectionError, match="does not answer"):
        Gaps(KafkaCluster("127.0.0.1:1", timeout_seconds=2.0), EVENTS).are_empty(0, 0, 1)


def test_committed_events_are_scored_once_each_and_aborted_ones_never(
    lane: Lane, transactions: Transactions
) -> None:
    job = lane.start_scoring(own_java=True)  # it is stopped for a while
    scored(lane)  # the epoch began with aborted records
    for number in range(8):  # micro-batches of their own, most of which begin behind a marker
        transactions.committed(some(12, seed=10 + number))
        if number % 2:
            transactions.aborted(some(5, seed=30 + number))
        else:
            publish(lane.servers, some(6, seed=50 + number))
        scored(lane)
    with job.paused("jvm"):  # so that one micro-batch has markers and aborted records inside
        for number in range(8):
            transactions.committed(some(200, seed=70 + number))
            transactions.aborted(some(20, seed=90 + number))
    messages = scored(lane)
    assert "restart" not in job.output()
    check_equals_undisturbed(lane, messages, seed=SEED)


def test_an_open_transaction_holds_up_what_lies_behind_it_and_shows(
    lane: Lane, transactions: Transactions, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "200")  # the table whole
    machine = "machine behind"
    with transactions.open(some(30, seed=101)) as held:
        ((partition, offset),) = publish(
            lane.servers, [(machine.encode(), reading(machine, seconds=1, temperature_c=50.0))]
        )
        assert (partition, offset) not in readable(lane)
        figures = status(lane)
        for number in range(PARTITIONS):
            _, _, _, waiting, uncommitted = figures[number]
            assert int(waiting) == 0  # the last marker is nothing that waits
            count = sum(at == number for at, _ in held) + (partition == number)
            assert int(uncommitted.replace(",", "")) == count
        transactions.producer.commit_transaction(60)
    messages = scored(lane)
    assert {(partition, offset), *held} <= messages.outcomes.keys()
    assert {row[3] for row in status(lane).values()} == {"0"}


def test_a_start_behind_a_marker_goes_on_there_and_a_replay_from_inside_a_gap_changes_nothing(
    lane: Lane, transactions: Transactions
) -> None:
    (job,) = [job for job in lane.jobs if job.process.poll() is None]
    aborted = transactions.aborted(some(30, seed=111))
    scored(lane)
    # No marker of ours ever reaches the end of such a topic.
    wait_until_scored(lane.store, lane.kafka, "tiny", check=lambda: None, timeout_seconds=20.0)
    # Once Spark has noted that it is behind the marker.
    lane.wait_for_progress(lambda: aborted.extend(transactions.aborted(some(30, seed=113))))
    assert job.terminate() == 143, job.output()[-3000:]
    before, ends = newest_cells(lane.store), lane.ends()
    again = lane.start_scoring()
    assert f"generation 1, from {ends}" in again.output()
    assert again.terminate() == 143
    inside = dict(aborted)
    begins = ",".join(f"{at}:{offset}" for at, offset in inside.items())
    replay = lane.start_scoring("--replay-from", begins)
    transactions.committed(some(30, seed=121))
    messages = scored(lane)
    assert "restart" not in replay.output()
    assert f"generation 2, from {dict(sorted(inside.items()))}" in replay.output()
    assert replay.terminate() == 143
    assert differences(newest_cells(lane.store), before) != {}
    check_equals_undisturbed(lane, messages, seed=SEED + 1)


def test_archive_reconcile_and_rebuild_count_gaps_that_kafka_has_proven(
    lane: Lane, transactions: Transactions
) -> None:
    transactions.aborted(some(10, seed=131))  # the topic ends with what holds no record
    before = newest_cells(lane.store)
    archived = lane.run_to_end("archive_stream", "--once")
    assert archived.process.returncode == 0, archived.output()[-4000:]
    reconciled = lane.run_to_end("reconcile")
    assert reconciled.process.returncode == 0, reconciled.output()[-4000:]
    assert f"{len(readable(lane)):,} events, each with one outcome" in reconciled.output()
    # Kafka no longer has to know: what was proven is in the archive.
    with lane.admin() as admin:
        places = {TopicPartition(EVENTS, p): end for p, end in lane.ends().items()}
        admin.delete_records(places)
    rebuilt = lane.run_to_end("rebuild_state", "--yes")
    assert rebuilt.process.returncode == 0, rebuilt.output()[-4000:]
    assert differences(newest_cells(lane.store), before) == {}
