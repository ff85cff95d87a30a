"""The checks that keep a state from being misread."""

import pytest

from stores.connection import HBaseStore
from stores.stamps import stamp
from stores.states import Marker
from streaming.boundaries import check_boundary, check_moved, check_new_entities, check_partition
from streaming.refusals import EpochChanged, Refused, StoreBehind, TrimmedHistory, refusal_in
from streaming.settings import PassSettings
from tests.scenarios.tiny import SCENARIO

SETTINGS = PassSettings(
    scenario="tiny",
    module="tests.scenarios.tiny",
    store=HBaseStore("localhost", 1),
    epoch=3,
    first_offsets={0: 100, 1: 0},
    max_event_bytes=1000,
    max_future_skew_seconds=300,
    retry_seconds=1,
)


def marker(offset: int, epoch: int = 3) -> Marker:
    """A marker of partition 0."""
    return Marker(partition=0, epoch=epoch, offset=offset)


def test_a_batch_may_begin_where_the_epoch_begins_or_the_last_batch_ended() -> None:
    check_boundary(SETTINGS, None, partition=0, first=100)
    check_boundary(SETTINGS, marker(149), partition=0, first=150)


@pytest.mark.parametrize("last", [None, marker(120), marker(149, epoch=2)])
def test_a_batch_that_begins_elsewhere_is_refused(last: Marker | None) -> None:
    with pytest.raises(StoreBehind, match=r"offset 150 of tiny\.events-0"):
        check_boundary(SETTINGS, last, partition=0, first=150)


def test_a_new_partition_is_refused_with_the_command_to_go_on() -> None:
    with pytest.raises(EpochChanged, match="advance_epoch --scenario tiny"):
        check_partition(SETTINGS, 2)


def test_an_entity_whose_history_was_trimmed_is_not_started_from_empty() -> None:
    newest = SCENARIO.codec.empty(2)
    newest.events[1], newest.first_stamp[1] = 5, stamp(3, 120)
    check_new_entities(SETTINGS, ["a", "b"], newest, first=120)
    with pytest.raises(TrimmedHistory, match=r"'b' has events since offset 120.*rebuild_state"):
        check_new_entities(SETTINGS, ["a", "b"], newest, first=121)


def test_an_entity_in_two_partitions_of_one_epoch_is_refused_but_not_across_epochs() -> None:
    states = SCENARIO.codec.empty(1)
    states.partition[0], states.last_stamp[0] = 1, stamp(2, 500)
    check_moved(SETTINGS, ["a"], states, partition=0)
    states.last_stamp[0] = stamp(3, 0)
    with pytest.raises(EpochChanged, match="moved from partition 1 to 0"):
        check_moved(SETTINGS, ["a"], states, partition=0)


def test_a_refusal_survives_the_way_through_a_spark_exception() -> None:
    try:
        check_partition(SETTINGS, 2)
    except Refused as refusal:
        text = f"Job aborted\n  streaming.refusals.EpochChanged: {refusal}\n\tat org.apache.spark"
    found = refusal_in(text)
    assert isinstance(found, EpochChanged)
    assert found.message.startswith("tiny.events now has a partition 2")
    assert refusal_in("java.lang.OutOfMemoryError") is None
