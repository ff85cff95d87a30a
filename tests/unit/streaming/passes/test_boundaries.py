"""The checks that keep a state from being misread."""

import numpy as np
import pytest

from features.events.decode import Records
from stores.hbase.connection import HBaseStore
from stores.hbase.stamps import stamp
from stores.hbase.states import Marker
from streaming.passes.batches import Batch
from streaming.passes.boundaries import check_boundary, check_new_entities, check_partition
from streaming.passes.settings import PassSettings
from streaming.position.gaps import never_empty
from streaming.position.refusals import (
    EpochChanged,
    Refused,
    StoreBehind,
    TrimmedHistory,
    refusal_in,
)
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


def batch(first: int, *, after: int | None = None) -> Batch:
    """One record of partition 0."""
    records = Records([b"m"], [b"{}"], np.array([first]), np.array([1_000]))
    return Batch(records, 0, after)


def marker(offset: int, epoch: int = 3) -> Marker:
    """A marker of partition 0."""
    return Marker(partition=0, epoch=epoch, offset=offset)


def test_a_batch_may_begin_where_the_epoch_begins_or_the_last_batch_ended() -> None:
    check_boundary(SETTINGS, None, batch(100), are_empty=never_empty)
    check_boundary(SETTINGS, marker(149), batch(150), are_empty=never_empty)


@pytest.mark.parametrize("last", [None, marker(120), marker(149, epoch=2)])
def test_a_batch_that_begins_elsewhere_is_refused(last: Marker | None) -> None:
    with pytest.raises(StoreBehind, match=r"offset 150 of tiny\.events-0"):
        check_boundary(SETTINGS, last, batch(150), are_empty=never_empty)


@pytest.mark.parametrize(
    ("last", "due"), [(None, 100), (marker(120), 121), (marker(149, epoch=2), 100)]
)
def test_a_gap_is_accepted_when_kafka_shows_that_it_is_empty(last: Marker | None, due: int) -> None:
    gaps: list[tuple[int, int, int]] = []

    def are_empty(*gap: int) -> bool:
        gaps.append((gap[0], gap[1], gap[2]))
        return True

    check_boundary(SETTINGS, last, batch(150), are_empty=are_empty)
    assert gaps == [(0, due, 150)]


def test_a_gap_that_the_reader_of_the_batch_has_passed_over_needs_no_question() -> None:
    check_boundary(SETTINGS, marker(140), batch(150, after=140), are_empty=never_empty)
    for last in (None, marker(139), marker(145)):  # the store lost what was written just now
        with pytest.raises(StoreBehind, match=r"offset 150 of tiny\.events-0"):
            check_boundary(SETTINGS, last, batch(150, after=140), are_empty=never_empty)


def test_no_gap_is_ever_negative() -> None:
    with pytest.raises(StoreBehind, match="offset 99"):
        check_boundary(SETTINGS, None, batch(99), are_empty=lambda *_: True)


def test_a_new_partition_is_refused_with_the_command_to_go_on() -> None:
    with pytest.raises(EpochChanged, match="advance_epoch --scenario tiny"):
        check_partition(SETTINGS, 2)


def test_an_entity_whose_history_was_trimmed_is_not_started_from_empty() -> None:
    newest = SCENARIO.codec.empty(2)
    newest.events[1], newest.first_stamp[1] = 5, stamp(3, 120)
    check_new_entities(SETTINGS, ["a", "b"], newest, first=120)
    with pytest.raises(TrimmedHistory, match=r"'b' has events since offset 120.*rebuild_state"):
        check_new_entities(SETTINGS, ["a", "b"], newest, first=121)


def test_a_refusal_survives_the_way_through_a_spark_exception() -> None:
    try:
        check_partition(SETTINGS, 2)
    except Refused as refusal:
        text = (
            f"failed\n  streaming.position.refusals.EpochChanged: {refusal}\n\tat org.apache.spark"
        )
    decoded_refusal = refusal_in(text)
    assert isinstance(decoded_refusal, EpochChanged)
    assert decoded_refusal.message.startswith("tiny.events now has a partition 2")
    assert refusal_in("java.lang.OutOfMemoryError") is None
