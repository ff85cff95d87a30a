"""Which epoch a stream begins where the control table has none, and when it must not begin one."""

from collections.abc import Mapping
from dataclasses import dataclass

import pytest

from stores.delta.archived_control import record_of
from stores.kafka.cluster import KafkaCluster, TopicIdentity
from stores.records.epochs import EpochRecord, EpochStart
from streaming.position.epochs import EpochPlan, Traces, check_nothing_lost, first_epoch
from streaming.position.refusals import EpochLost

EVENTS = "tiny.events"
NOW = TopicIdentity(EVENTS, "t2", (0, 1))
PLAN = EpochPlan(scenario="tiny", topic=EVENTS, starting="earliest", partitioner="murmur2")


@dataclass(frozen=True)
class OneTopic(KafkaCluster):
    """A cluster that needs no broker to say where its topic begins and ends."""

    bootstrap_servers: str = "nowhere:1"

    def offsets(self, topic: str) -> Mapping[int, tuple[int, int]]:
        """Two partitions."""
        return {0: (5, 90), 1: (0, 70)}


def archived(epoch: int, topic_id: str, *, partitions: int = 2) -> EpochRecord:
    """The record of an archive that holds `epoch` and those before it."""
    starts = [
        EpochStart(epoch=n, topic_id=topic_id, first_offsets=dict.fromkeys(range(partitions), n))
        for n in range(epoch, 0, -1)
    ]
    record = record_of(starts, topic=EVENTS)
    assert record is not None
    return record


def begins(traces: Traces, *, starting: str = "earliest") -> EpochRecord:
    """The epoch that a start begins, after the check that it may."""
    plan = EpochPlan(scenario="tiny", topic=EVENTS, starting=starting, partitioner="murmur2")
    check_nothing_lost(traces, NOW, plan)
    return first_epoch(OneTopic(), NOW, plan, traces)


def test_without_traces_the_first_epoch_begins_where_the_settings_say() -> None:
    assert (begins(Traces()).epoch, begins(Traces()).first_offsets) == (1, {0: 5, 1: 0})
    assert begins(Traces(), starting="latest").first_offsets == {0: 90, 1: 70}
    assert begins(Traces()).is_whole_history


def test_an_epoch_that_only_the_archive_has_is_begun_as_the_archive_knows_it() -> None:
    archived_epoch = archived(1, "t2")
    assert begins(Traces(in_archive=archived_epoch)) == archived_epoch


def test_after_an_erased_topic_the_epoch_is_above_all_archived_ones() -> None:
    record = begins(Traces(in_archive=archived(3, "t1"), is_scored=True))
    assert (record.epoch, record.topic_id, record.is_whole_history) == (4, "t2", False)
    assert [start.epoch for start in record.earlier] == [3, 2, 1]


@pytest.mark.parametrize(
    ("traces", "where"),
    [
        (Traces(in_store=2), "its table has rows of epoch 2"),
        (Traces(in_checkpoints=3), "checkpoints of epoch 3"),
        (Traces(in_archive=archived(2, "t2"), is_scored=True), "predictions up to epoch 2"),
        (Traces(in_store=1, in_archive=archived(1, "t1")), "rows of epoch 1"),
    ],
)
def test_where_an_earlier_epoch_has_left_something_none_is_begun(
    traces: Traces, where: str
) -> None:
    with pytest.raises(EpochLost, match=rf"{where}.*rebuild_state --scenario tiny"):
        check_nothing_lost(traces, NOW, PLAN)


def test_events_are_archived_in_the_epoch_that_the_store_is_in() -> None:
    record = first_epoch(OneTopic(), NOW, PLAN, Traces(in_store=1))
    assert (record.epoch, record.is_whole_history) == (1, True)
    newer = first_epoch(OneTopic(), NOW, PLAN, Traces(in_store=3, in_archive=archived(2, "t1")))
    assert (newer.epoch, newer.is_whole_history) == (3, False)
    assert first_epoch(
        OneTopic(), NOW, PLAN, Traces(in_store=2, in_archive=archived(2, "t2"))
    ) == archived(2, "t2")
