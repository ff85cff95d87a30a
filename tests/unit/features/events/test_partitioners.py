"""Home partitions equal those of the clients that place records."""

import random
import time
from zlib import crc32

import numpy as np
import pyarrow as pa
import pytest
from kafka.partitioner.default import murmur2

from features.byte_column import ByteColumn
from features.events.decode import EventDecoder, Records
from features.events.partitioners import (
    CRC32,
    CUSTOM,
    MURMUR2,
    Layout,
    Placement,
    UnknownPartitioner,
    check_partitioner,
    home_partitions,
    shares_at_home,
    wrong_partition_sentence,
)
from features.events.reasons import KEY_MISMATCH, MALFORMED_JSON, NULL_KEY, WRONG_PARTITION
from tests.scenarios.tiny import SCHEMA
from tests.support.homes import home_of, keys_of
from tests.support.tiny_model import reading

COUNTS = (1, 2, 3, 7, 12, 64, 1_000)
# From Kafka's own tests of Utils.murmur2, as signed 32-bit numbers.
JAVA = {
    b"21": -973932308,
    b"foobar": -790332482,
    b"a-little-bit-long-string": -985981536,
    b"a-little-bit-longer-string": -1486304829,
    b"lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8": -58897971,
    b"abc": 479470107,
}


def random_keys(count: int) -> list[bytes]:
    random_ = random.Random(5)
    return [random_.randbytes(number % 70) for number in range(count)]


@pytest.mark.parametrize("partitions", COUNTS)
def test_murmur2_places_keys_as_kafka_python_does(partitions: int) -> None:
    keys = random_keys(5_000)
    homes = home_partitions(ByteColumn.of(keys), MURMUR2, partitions)
    assert homes.tolist() == [(murmur2(key) & 0x7FFFFFFF) % partitions for key in keys]


def test_murmur2_places_keys_as_javas_producer_does() -> None:
    largest = 0x7FFFFFFF
    homes = home_partitions(ByteColumn.of(JAVA), MURMUR2, largest)
    assert homes.tolist() == [(value & largest) % largest for value in JAVA.values()]


@pytest.mark.parametrize("partitions", COUNTS)
def test_crc32_places_keys_as_librdkafkas_consistent_partitioner_does(partitions: int) -> None:
    keys = random_keys(5_000)
    homes = home_partitions(ByteColumn.of(keys), CRC32, partitions)
    assert homes.tolist() == [crc32(key) % partitions for key in keys]


def test_a_part_of_a_column_and_nulls_do_not_shift_the_homes_of_others() -> None:
    keys = [*random_keys(100), None, b"x", None, b"y"]
    part = ByteColumn(pa.array(keys, pa.binary())[50:])
    homes = home_partitions(part, MURMUR2, 12).tolist()
    expected = [None if key is None else home_of(key, partitions=12) for key in keys[50:]]
    assert [home for home, key in zip(homes, keys[50:], strict=True) if key is not None] == [
        home for home in expected if home is not None
    ]


def test_an_unknown_partitioner_is_refused_by_name() -> None:
    for name in (MURMUR2, CRC32, CUSTOM):
        check_partitioner(name)
    with pytest.raises(UnknownPartitioner, match="no partitioner 'fnv1a': it is one of murmur2"):
        check_partitioner("fnv1a")


@pytest.mark.parametrize(
    ("partitioner", "setting"),
    [(MURMUR2, "partitioner=murmur2_random"), (CRC32, "partitioner=consistent_random")],
)
def test_the_sentence_names_both_partitions_and_the_setting(partitioner: str, setting: str) -> None:
    placement = Placement(layout=Layout(partitioner=partitioner, partitions=12), partition=3)
    sentence = wrong_partition_sentence(b"7590-VHVEG", placement, home=7)
    assert "b'7590-VHVEG' lies in partition 3, its home is partition 7 of 12" in sentence
    assert setting in sentence
    assert len(wrong_partition_sentence(b"k" * 500, placement, home=7)) < 400


def test_shares_tell_which_partitioner_placed_the_keys() -> None:
    keys = random_keys(3_000)
    lies = np.array([crc32(key) % 4 for key in keys])
    shares = shares_at_home(ByteColumn.of(keys), lies, 4)
    assert shares[CRC32] == 1.0
    assert 0.15 < shares[MURMUR2] < 0.35


def records(keys: list[bytes | None], values: list[bytes | None] | None = None) -> Records:
    if values is None:
        values = [reading((key or b"m").decode(), seconds=9, temperature_c=20.0) for key in keys]
    count = len(keys)
    return Records(keys, values, np.arange(count), np.full(count, 4_000_000_000_000))


def decoder() -> EventDecoder:
    return EventDecoder(SCHEMA, max_event_bytes=10_000, max_future_skew_seconds=300)


def placed(partition: int, *, partitioner: str = MURMUR2, partitions: int = 2) -> Placement:
    layout = Layout(partitioner=partitioner, partitions=partitions)
    return Placement(layout=layout, partition=partition)


@pytest.mark.parametrize("partitioner", [MURMUR2, CRC32])
def test_events_elsewhere_are_refused_and_those_at_home_are_read(partitioner: str) -> None:
    here, there = (keys_of(p, 20, partitioner=partitioner) for p in (0, 1))
    keys: list[bytes | None] = [
        key.encode() for pair in zip(here, there, strict=True) for key in pair
    ]
    events = decoder().decode(records(keys), placed(0, partitioner=partitioner))
    assert events.entities == here
    assert events.rows.tolist() == list(range(0, 40, 2))
    assert [refusal.row for refusal in events.refusals] == list(range(1, 40, 2))
    assert {(refusal.code, refusal.home) for refusal in events.refusals} == {(WRONG_PARTITION, 1)}


def test_other_rules_are_judged_first_and_refusals_stay_in_offset_order() -> None:
    (here,), (there,) = keys_of(0, 1), keys_of(1, 1)
    good = reading(there, seconds=9, temperature_c=20.0)
    other = reading(here, seconds=9, temperature_c=20.0)
    cases = [
        (there.encode(), good, WRONG_PARTITION),
        (None, good, NULL_KEY),
        (there.encode(), good[:-1], MALFORMED_JSON),
        (there.encode(), other, KEY_MISMATCH),
        (there.encode(), good.replace(b"{", b'{"more":[1],', 1), WRONG_PARTITION),  # read strictly
        (there.encode(), good, WRONG_PARTITION),
    ]
    events = decoder().decode(records([c[0] for c in cases], [c[1] for c in cases]), placed(0))
    assert events.entities == []
    assert [(refusal.row, refusal.code) for refusal in events.refusals] == [
        (row, case[2]) for row, case in enumerate(cases)
    ]


def test_however_a_partition_is_cut_the_same_events_are_refused() -> None:
    keys = [b"machine %d" % (number % 97) for number in range(600)]
    whole = decoder().decode(records(list(keys)), placed(1, partitions=3))
    refused_rows: list[int] = []
    begin = 0
    for size in (1, 2, 5, 92, 100, 400):
        part = decoder().decode(records(list(keys[begin : begin + size])), placed(1, partitions=3))
        refused_rows += [begin + refusal.row for refusal in part.refusals]
        begin += size
    assert refused_rows == [refusal.row for refusal in whole.refusals]
    assert 0 < len(refused_rows) < len(keys)


def test_without_a_placement_or_with_one_partition_nothing_is_elsewhere() -> None:
    keys: list[bytes | None] = [b"machine %d" % number for number in range(50)]
    assert decoder().decode(records(keys)).refusals == []
    assert decoder().decode(records(keys), placed(0, partitions=1)).refusals == []
    assert decoder().decode(records(keys), placed(0, partitioner=CUSTOM)).refusals == []


def test_recorded_homes_count_where_no_partitioner_tells_them() -> None:
    placement = Placement(
        layout=Layout(partitioner=CUSTOM, partitions=0),
        partition=4,
        known_homes=np.array([4, 2, -1]),
    )
    events = decoder().decode(records([b"a", b"b", b"c"]), placement)
    assert events.entities == ["a", "c"]
    assert [(refusal.row, refusal.home) for refusal in events.refusals] == [(1, 2)]


def test_finding_homes_costs_a_small_part_of_decoding() -> None:
    keys: list[bytes | None] = [b"machine %d" % number for number in range(20_000)]
    batch = records(keys)
    column = Records(
        ByteColumn.of(batch.keys), ByteColumn.of(batch.values), batch.offsets, batch.timestamps_ms
    )
    reader, place = decoder(), placed(0, partitions=12)
    assert isinstance(column.keys, ByteColumn)

    def seconds(homes_only: bool) -> float:
        began = time.perf_counter()
        if homes_only:
            place.homes(ByteColumn.of(column.keys))
        else:
            reader.decode(column)
        return time.perf_counter() - began

    seconds(homes_only=True)
    seconds(homes_only=False)
    homes = min(seconds(homes_only=True) for _ in range(7))
    decoding = min(seconds(homes_only=False) for _ in range(7))
    assert homes < 0.2 * decoding, f"{homes * 1e3:.2f} ms of {decoding * 1e3:.2f} ms"
