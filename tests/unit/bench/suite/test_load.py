"""The load: its keys, its events, its pace, and what is known of it."""

import json
from collections import Counter

import numpy as np
import pytest
from kafka.partitioner.default import murmur2

from bench.scenarios.numbers import SCENARIO
from bench.suite.load.feed import Pace
from bench.suite.load.keys import CUSTOMERS, uniform, zipf
from bench.suite.load.simulated_events import payments, readings
from bench.suite.load.times import Wanted, spread_times
from bench.suite.load.topics import Loaded, partitions_of
from bench.suite.observations.rows_written import rows_written
from features.events.decode import EventDecoder, Records

RANDOM_SEED = 3


def wanted(*customers: int) -> Wanted:
    times_ms = np.arange(len(customers)) + 1_700_000_000_123
    return Wanted(customers=np.array(customers, dtype=np.int64), times_ms=times_ms, first=11)


def test_uniform_keys_are_all_customers_alike() -> None:
    customers = uniform(500_000, np.random.default_rng(RANDOM_SEED))
    counts = np.bincount(customers, minlength=CUSTOMERS)
    assert len(counts) == CUSTOMERS
    assert counts.mean() == 10.0
    assert counts.max() < 40


def test_zipf_keys_fall_as_rank_to_the_power_of_one_point_one() -> None:
    customers = zipf(500_000, np.random.default_rng(RANDOM_SEED))
    counts = np.array([count for _, count in Counter(customers.tolist()).most_common(100)])
    assert counts[0] / counts[9] == pytest.approx(10**1.1, rel=0.1)
    assert counts[0] / counts[99] == pytest.approx(100**1.1, rel=0.15)
    assert 0 <= customers.min() <= customers.max() < CUSTOMERS


def test_the_same_seed_gives_the_same_keys() -> None:
    one, other = (zipf(1000, np.random.default_rng(RANDOM_SEED)) for _ in range(2))
    assert one.tolist() == other.tolist()


def test_readings_are_events_that_the_scenario_accepts() -> None:
    values = readings(np.random.default_rng(RANDOM_SEED), wanted(5, 49_999))
    records = Records(
        keys=[b"5", b"49999"],
        values=values,
        offsets=np.arange(2),
        timestamps_ms=np.full(2, 1_700_000_001_000),
    )
    decoder = EventDecoder(SCENARIO.schema, max_event_bytes=10_000, max_future_skew_seconds=0)
    events = decoder.decode(records)
    assert events.refusals == []
    assert events.entities == ["5", "49999"]
    assert events.times_ms.tolist() == [1_700_000_000_123, 1_700_000_000_124]
    assert events.values[0].tolist() == [json.loads(values[0])[f"n{n:02d}"] for n in range(20)]


def test_payments_have_ids_of_their_own_and_amounts_in_cents() -> None:
    events = [json.loads(value) for value in payments(np.random.default_rng(1), wanted(1, 1, 2))]
    assert [event["payment_id"] for event in events] == [11, 12, 13]
    assert [event["customer_id"] for event in events] == ["1", "1", "2"]
    assert events[0]["event_time"] == "2023-11-14T22:13:20.123Z"
    assert all(round(event["amount_usd"], 2) == event["amount_usd"] > 0 for event in events)


def test_times_rise_to_the_present() -> None:
    times = spread_times(3, until_ms=100 * 86_400_000, days=2.0)
    assert (times / 86_400_000).tolist() == [98.0, 99.0, 100.0]


def test_every_customer_has_one_partition_and_partitions_are_even() -> None:
    places = partitions_of(np.arange(CUSTOMERS), 2)
    assert len(places) == CUSTOMERS
    assert set(places.tolist()) == {0, 1}
    assert abs(places.mean() - 0.5) < 0.01


def test_a_loaded_topic_knows_each_customers_last_offset() -> None:
    loaded = Loaded({0: np.array([4, 5, 4]), 1: np.array([7])})
    assert loaded.events == 4
    assert loaded.last_offsets == {"4": 2, "5": 1, "7": 0}


def test_a_customer_is_written_once_per_batch() -> None:
    customers = {0: np.array([1, 1, 2, 1, 3]), 1: np.array([9, 9])}
    assert rows_written(customers, {0: [4, 2], 1: [1]}) == 2 + 2 + 1


def test_a_batch_that_is_told_twice_counts_once() -> None:
    assert rows_written({0: np.array([1, 2])}, {0: [1, 1]}) == 2


def test_the_pace_makes_up_for_a_late_tick_and_ends_with_its_time() -> None:
    now = [100.0]
    pace = Pace(events_per_second=1000.0, seconds=2.0, clock=lambda: now[0])
    assert pace.due() == 0
    now[0] = 100.25
    assert pace.due() == 250
    now[0] = 999.0
    assert pace.due() == pace.total == 2000


def test_partitions_are_those_of_kafkas_own_partitioner() -> None:
    expected = [(murmur2(key) & 0x7FFFFFFF) % 3 for key in (b"7", b"12345", b"7")]
    assert partitions_of(np.array([7, 12_345, 7]), 3).tolist() == expected
