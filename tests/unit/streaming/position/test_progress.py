"""What counts as done: only scored events of the current topic."""

from stores.hbase.states import Marker
from stores.kafka.cluster import Survey, TopicIdentity
from stores.records.epochs import EpochRecord
from streaming.position.progress import done_upto, recent_counts

EPOCH = EpochRecord(
    epoch=2,
    topic="tiny.events",
    topic_id="new",
    partitions=2,
    first_offsets={0: 100, 1: 7},
    reason="test",
    begun_at="",
)


def survey(topic_id: str) -> Survey:
    return Survey(TopicIdentity("tiny.events", topic_id, (0, 1, 2)), {0: (0, 150), 1: (0, 9)})


def test_a_marker_of_the_present_epoch_says_what_is_done() -> None:
    marker = Marker(partition=0, epoch=2, offset=119)
    assert done_upto(marker, survey("new"), EPOCH, partition=0) == 120


def test_before_the_first_batch_of_an_epoch_its_beginning_is_done() -> None:
    old = Marker(partition=0, epoch=1, offset=140)
    assert done_upto(old, survey("new"), EPOCH, partition=0) == 100
    assert done_upto(None, survey("new"), EPOCH, partition=1) == 7
    assert done_upto(None, survey("new"), EPOCH, partition=2) == 0


def test_nothing_of_a_recreated_topic_is_done_whatever_the_markers_say() -> None:
    marker = Marker(partition=0, epoch=2, offset=119)
    assert done_upto(marker, survey("newer"), EPOCH, partition=0) == 0
    assert done_upto(marker, survey("new"), None, partition=0) == 0


def batch(at_ms: int, *, events: int = 10) -> Marker:
    return Marker(
        partition=0, epoch=1, offset=1, predictions=events, dead_letters=1, written_at_ms=at_ms
    )


def test_the_rate_is_of_the_last_minute_also_of_a_stream_that_has_stopped() -> None:
    markers = {0: [batch(99_000), batch(80_000), batch(10_000)], 1: [batch(95_000, events=40)]}
    counts = recent_counts(markers, now_ms=100_000)
    assert (counts.seconds, counts.predictions, counts.dead_letters) == (60.0, 60, 3)
    assert counts.rate == 63 / 60
    assert recent_counts(markers, now_ms=1_000_000).rate == 0.0


def test_the_rate_is_of_the_time_that_the_markers_reach_back() -> None:
    markers = {0: [batch(99_000), batch(98_000), batch(90_000)]}
    counts = recent_counts(markers, now_ms=100_000)
    assert (counts.seconds, counts.predictions) == (10.0, 20)
    assert recent_counts({0: []}, now_ms=100_000).rate == 0.0
