"""Retention that overtook a stream: refused with the lost range, continued by command, recorded."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import pytest
from kafka import TopicPartition

from stores.hbase.connection import Session
from stores.hbase.stamps import stamp
from stores.hbase.states import Marker, StateTable
from stores.records.epochs import EpochRecord
from stores.records.losses import Loss, LossBook, LossFiles, read_losses
from streaming.position.checkpoints import Checkpoints, Offsets
from streaming.position.refusals import EpochChanged, LostToRetention, ReplayRefused
from streaming.position.resume import generation_to_run
from streaming.position.retention import Losses
from tests.support.judgement import drained
from tests.support.lane import EVENTS, START_SECONDS, Lane
from tests.support.processes import wait_until
from tests.support.tiny_load import publish
from tests.support.tiny_model import reading
from tests.unit.streaming.position.test_checkpoints import MemoryFiles

COMMAND = "./spark-submit.sh score_stream --scenario tiny --accept-loss"


@dataclass
class Stream:
    """A stream over a real store; each start states the offsets that Kafka holds."""

    session: Session
    files: MemoryFiles = field(default_factory=MemoryFiles)
    lines: list[str] = field(default_factory=list)
    record: EpochRecord = field(
        default_factory=lambda: EpochRecord(
            epoch=1,
            topic=EVENTS,
            topic_id="t1",
            partitions=2,
            first_offsets={0: 0, 1: 0},
            reason="test",
            begun_at="",
        )
    )

    @property
    def table(self) -> StateTable:
        return StateTable(self.session, "tiny")

    @property
    def book(self) -> LossBook:
        files = LossFiles(self.files, "/delta/tiny/losses/tiny")
        return LossBook(self.session, "tiny", files, "ann@here (--accept-loss)")

    def scored(self, *ends: int, partition: int = 0) -> None:
        """Batches that ended at these offsets."""
        for end in ends:
            marker = Marker(partition=partition, epoch=1, offset=end - 1)
            self.table.write_marker(marker, position=stamp(1, end - 1))

    def start(
        self,
        held: Mapping[int, tuple[int, int]],
        *,
        replay_from: Offsets | None = None,
        accepts: bool = False,
    ) -> Offsets:
        """Where the stream goes on."""
        checkpoints = Checkpoints(self.files, "/checkpoints", "tiny", 1)
        generation = generation_to_run(
            checkpoints,
            self.table,
            self.record,
            held=held,
            losses=Losses("tiny", self.book, self.lines.append, COMMAND, accepts),
            replay_from=replay_from,
            log=self.lines.append,
        )
        return generation.start


@pytest.fixture
def stream(session: Session) -> Stream:
    """A stream that has scored partition 0 up to 120 and partition 1 up to 50."""
    new_stream = Stream(session)
    new_stream.start({0: (0, 0), 1: (0, 0)})
    new_stream.scored(40, 80, 120)
    new_stream.scored(50, partition=1)
    Checkpoints(new_stream.files, "/checkpoints", "tiny", 1).begin({0: 120, 1: 50})
    return new_stream


def test_a_loss_is_refused_with_its_ranges_accepted_once_and_known_from_then_on(
    stream: Stream,
) -> None:
    held = {0: (300, 400), 1: (50, 90)}
    with pytest.raises(LostToRetention) as refused:
        stream.start(held)
    assert f"{EVENTS}-0 offsets 120 to 299 (180) are gone" in refused.value.message
    assert COMMAND in refused.value.message
    assert stream.book.all() == []

    assert stream.start(held, accepts=True) == {0: 300, 1: 50}
    assert stream.start(held) == {0: 300, 1: 50}
    (loss,) = stream.book.all()
    assert (loss.partition, loss.first, loss.end, loss.epoch) == (0, 120, 300, 1)
    assert loss.accepted_at.endswith("Z")
    assert "ann@here (--accept-loss)" in loss.sentence
    assert read_losses(stream.session, "tiny") == stream.book.files.read() == [loss]
    # The marker allows exactly this jump, and a batch that begins elsewhere is refused as ever.
    _, marker = stream.table.below([], partition=0, position=stamp(1, 300))
    assert marker is not None
    assert (marker.epoch, marker.offset) == (1, 299)

    with pytest.raises(LostToRetention, match=r"offsets 300 to 349 \(50\)"):
        stream.start({0: (350, 400), 1: (50, 90)})


def test_a_start_that_died_between_the_record_and_the_checkpoint_goes_on_without_the_word(
    stream: Stream,
) -> None:
    stream.book.accept([(0, 120, 300)], topic=EVENTS, topic_id="t1", missing_in="stream", epoch=1)
    with pytest.raises(LostToRetention, match=r"offsets 300 to 319 \(20\)"):  # not on record
        stream.start({0: (320, 400), 1: (50, 90)})
    assert stream.start({0: (300, 400), 1: (50, 90)}) == {0: 300, 1: 50}


def test_a_loss_before_the_first_batch_and_rows_that_are_ahead_of_the_checkpoint(
    session: Session,
) -> None:
    new = Stream(session)
    with pytest.raises(LostToRetention, match=r"events-1 offsets 0 to 6 \(7\)"):
        new.start({0: (0, 9), 1: (7, 9)})
    assert new.start({0: (0, 9), 1: (7, 9)}, accepts=True) == {0: 0, 1: 7}
    new.scored(10, 30)  # in the store; the checkpoint still says 0
    assert new.start({0: (20, 40), 1: (7, 9)}, accepts=True)[0] == 30


def test_another_topic_of_this_name_has_losses_of_its_own(stream: Stream) -> None:
    stream.book.accept([(0, 120, 300)], topic=EVENTS, topic_id="t0", missing_in="stream")
    with pytest.raises(LostToRetention):
        stream.start({0: (300, 400), 1: (50, 90)})


@pytest.mark.parametrize(
    ("replay_from", "why"),
    [
        ({0: 121}, r"events from 120 on would be skipped; possible .* is 40 to 120"),
        ({0: 500}, r"possible for tiny.events-0 in epoch 1 is 40 to 120"),
        ({0: 39}, r"it is too early; possible for tiny.events-0 in epoch 1 is 40 to 120"),
        ({1: 20, 2: 0}, r"tiny.events has no partition 2, epoch 1 has \[0, 1\]"),
    ],
)
def test_a_replay_that_would_skip_or_cannot_be_read_is_refused_with_what_is_possible(
    stream: Stream, replay_from: Offsets, why: str
) -> None:
    with pytest.raises(ReplayRefused, match=why):
        stream.start({0: (33, 400), 1: (0, 90)}, replay_from=replay_from)


def test_a_replay_goes_on_from_the_batch_end_before_it(stream: Stream) -> None:
    assert stream.start({0: (33, 400), 1: (0, 90)}, replay_from={0: 100}) == {0: 80, 1: 50}
    assert stream.start({0: (0, 400), 1: (0, 90)}, replay_from={1: 20}) == {0: 80, 1: 0}


def test_a_partition_that_ends_before_what_was_scored_of_it_is_refused(stream: Stream) -> None:
    with pytest.raises(EpochChanged, match=r"ends at offset 100, although it was read up to 120"):
        stream.start({0: (0, 100), 1: (0, 90)})


def publish_readings(lane: Lane, count: int) -> dict[int, list[int]]:
    """Partition → offsets of new readings of several machines."""
    records = [
        (f"machine {n % 8}".encode(), reading(f"machine {n % 8}", seconds=n, temperature_c=20.0))
        for n in range(count)
    ]
    offsets: dict[int, list[int]] = {}
    for partition, offset in publish(lane.servers, records):
        offsets.setdefault(partition, []).append(offset)
    return offsets


def drop_before(lane: Lane, partition: int, offset: int) -> None:
    """Delete what Kafka holds before `offset`, as retention does."""
    with lane.admin() as admin:
        admin.delete_records({TopicPartition(EVENTS, partition): offset})


def losses_of(lane: Lane) -> list[Loss]:
    with lane.session() as session:
        return read_losses(session, "tiny")


def wait_for_rows(lane: Lane, ends: Mapping[int, int]) -> None:
    job = lane.jobs[-1]
    wait_until(
        lambda: lane.marked() == ends,
        timeout=START_SECONDS,
        what=f"rows up to {ends}:\n{job.output()[-3000:]}",
    )


def test_a_stopped_stream_that_retention_overtook_is_refused_and_goes_on_when_told(
    lane: Lane,
) -> None:
    job = lane.start_scoring()
    publish_readings(lane, 40)
    drained(lane)
    lane.wait_for_progress(lambda: publish_readings(lane, 8))
    assert job.terminate() == 143
    scored, new = lane.ends(), publish_readings(lane, 40)
    drop_before(lane, 0, new[0][5])
    refused = lane.start()
    assert refused.process.wait(START_SECONDS) == 4, refused.output()[-3000:]
    assert f"{EVENTS}-0 offsets {scored[0]} to {new[0][5] - 1} (5) are gone" in refused.output()
    assert COMMAND in refused.output()
    assert "restart" not in refused.output()

    lane.start_scoring("--accept-loss", own_java=True)  # a test stops it for a while
    wait_for_rows(lane, lane.ends())
    (loss,) = losses_of(lane)
    assert (loss.partition, loss.first, loss.end) == (0, scored[0], new[0][5])


def test_a_running_stream_that_retention_overtakes_ends_with_the_range(lane: Lane) -> None:
    (job,) = [job for job in lane.jobs if job.process.poll() is None]
    with job.paused("jvm"):  # nothing is read while records come and go
        new = publish_readings(lane, 60)
        drop_before(lane, 1, new[1][-2])
    assert job.process.wait(START_SECONDS) == 4, job.output()[-3000:]
    assert f"{EVENTS}-1 offsets {new[1][0]} to {new[1][-2] - 1}" in job.output()
    assert "nothing is lost" not in job.output()

    job = lane.start_scoring("--accept-loss")
    wait_for_rows(lane, lane.ends())
    assert job.terminate() == 143
    reconciled = lane.run_to_end("reconcile")
    assert reconciled.process.returncode == 0, reconciled.output()[-3000:]
    lost = sum(loss.count for loss in losses_of(lane))
    assert f"each with one outcome; {lost} lost to retention before" in reconciled.output()
    for loss in losses_of(lane):
        assert loss.text in reconciled.output()


def test_an_archive_with_a_gap_rebuilds_states_when_told_and_the_stream_goes_on(
    lane: Lane,
) -> None:
    archived = lane.run_to_end("archive_stream", "--once", "--accept-gaps")
    assert archived.process.returncode == 0, archived.output()[-3000:]
    rebuilt = lane.run_to_end("rebuild_state", "--yes", "--accept-lost-history")
    assert rebuilt.process.returncode == 0, rebuilt.output()[-3000:]
    assert "the states will miss them" in rebuilt.output()
    assert lane.epoch().epoch == 2
    missing = [loss for loss in losses_of(lane) if loss.missing_in == "states"]
    assert {loss.partition for loss in missing} == {0, 1}
    lane.start_scoring()
    publish_readings(lane, 8)
    wait_for_rows(lane, lane.ends())
