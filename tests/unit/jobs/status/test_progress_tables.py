"""What show_status counts as done: only scored events of the current topic."""

from jobs.status.progress_tables import done_upto
from stores.hbase.states import Marker
from stores.kafka.cluster import Survey, TopicIdentity
from stores.records.epochs import EpochRecord

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
