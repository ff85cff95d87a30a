"""Epochs and what they say of where keys belong: for the re-keying, and at a start."""

import numpy as np
import pytest

from features.events.decode import Records
from features.events.partitioners import CRC32, CUSTOM, MURMUR2
from scenarios.contract.keyed import keyed_entity
from stores.kafka.cluster import TopicIdentity
from stores.records.epochs import EpochRecord, EpochStart
from streaming.advance.next_epoch import changes
from streaming.position.epochs import check_partitioner_of
from streaming.position.refusals import EpochChanged
from streaming.second_entity.rekey import Rekeyer
from streaming.second_entity.source_homes import source_epochs, source_placement
from tests.scenarios.shops import SCENARIO, SHOP
from tests.support.homes import home_of, keys_of
from tests.support.shop_events import payment, records

IDENTITY = TopicIdentity("shops.events", "id-2", (0, 1))


def record(
    *, partitioner: str | None, topic_id: str = "id-2", earlier: tuple[EpochStart, ...] = ()
) -> EpochRecord:
    return EpochRecord(
        epoch=4,
        topic="shops.events",
        topic_id=topic_id,
        partitions=2,
        first_offsets={0: 10, 1: 0},
        reason="a test",
        begun_at="",
        partitioner=partitioner,
        earlier=earlier,
    )


def at(keys: list[str], *, first: int) -> Records:
    count = len(keys)
    return Records(
        [key.encode() for key in keys],
        [b"{}"] * count,
        np.arange(first, first + count),
        np.zeros(count, dtype=np.int64),
    )


def test_before_the_first_epoch_keys_lie_as_the_scenario_declares() -> None:
    for epoch_record in (None, record(partitioner=CRC32, topic_id="id-1")):
        (start,) = source_epochs(epoch_record, IDENTITY, partitioner=MURMUR2)
        assert (start.partitioner, dict(start.first_offsets)) == (MURMUR2, {0: 0, 1: 0})


def test_each_record_is_judged_by_the_epoch_of_its_offset() -> None:
    before = EpochStart(epoch=3, topic_id="id-2", first_offsets={0: 0}, partitioner=MURMUR2)
    starts = source_epochs(
        record(partitioner=CRC32, earlier=(before,)), IDENTITY, partitioner=CRC32
    )
    keys = [f"k{number}" for number in range(20)]
    homes = source_placement(starts, at(keys, first=0), partition=0).known_homes
    assert homes is not None
    assert homes[:10].tolist() == [0] * 10  # one partition only
    assert homes[10:].tolist() == [home_of(key, partitioner=CRC32) for key in keys[10:]]


def test_homes_that_no_partitioner_tells_are_unknown() -> None:
    for partitioner in (None, CUSTOM):
        starts = (record(partitioner=partitioner).start,)
        homes = source_placement(starts, at(["a", "b"], first=50), partition=0).known_homes
        assert homes is not None
        assert homes.tolist() == [-1, -1]


def test_what_its_own_stream_refuses_is_not_told_to_second_entities() -> None:
    rekeyer = Rekeyer(
        keyed_entity(SCENARIO, SHOP), max_event_bytes=10_000, max_future_skew_seconds=300
    )
    source_records = records([payment(number, shop=5, hour=1) for number in range(7)])
    start = record(partitioner=MURMUR2).start
    for partition in (0, 1):
        placement = source_placement((start,), source_records, partition=partition)
        result = rekeyer.rekeyed("shops.events", source_records, placement)
        # Below the epoch's first offset nothing is known, so nothing is refused.
        at_home = [
            f"c{number}"
            for number in range(7)
            if number < start.first_offsets[partition] or home_of(f"c{number}") == partition
        ]
        assert (result.sent, result.refused) == (len(at_home), 7 - len(at_home))


def test_another_declaration_than_the_epochs_is_refused_with_the_command() -> None:
    check_partitioner_of(record(partitioner=None), MURMUR2, scenario="shops")
    check_partitioner_of(record(partitioner=CRC32), CRC32, scenario="shops")
    with pytest.raises(EpochChanged, match=r"murmur2, .* declares crc32.*advance_epoch --scenario"):
        check_partitioner_of(record(partitioner=MURMUR2), CRC32, scenario="shops")


def test_advance_epoch_sees_another_partitioner_as_a_change() -> None:
    old = record(partitioner=MURMUR2)
    assert changes(old, partitions=2, partitioner=MURMUR2) == ""
    assert "2 partitions are now 3" in changes(old, partitions=3, partitioner=MURMUR2)
    assert "placed by murmur2 are now placed by crc32" in changes(
        old, partitions=2, partitioner=CRC32
    )
    assert "not recorded" in changes(record(partitioner=None), partitions=2, partitioner=MURMUR2)


def test_keys_of_gives_keys_of_one_partition() -> None:
    assert {home_of(key) for key in keys_of(1, 5)} == {1}
