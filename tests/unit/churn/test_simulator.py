"""Simulated follow-up events are valid, seeded and realistic; bad ones are refused as intended."""

from collections import Counter
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path

import pytest

from scenarios.churn.events import SCHEMA
from scenarios.churn.simulator import FollowUps
from scenarios.churn.telco import Customer, read_customers
from scenarios.simulation.bad_events import BAD_KINDS
from scenarios.simulation.records import Record
from tests.support.scenario_records import ARRIVAL_MS, MAX_EVENT_BYTES, decoded

REAL_FILE = Path(__file__).parents[3] / "data" / "telco_churn.csv"
NOW = datetime.fromtimestamp(ARRIVAL_MS / 1000, UTC)


@pytest.fixture(scope="module")
def customers() -> list[Customer]:
    """Five hundred real ones."""
    return read_customers(REAL_FILE, limit=500)


def _records(
    customers: list[Customer], count: int, *, seed: int = 1, bad_share: float = 0.0
) -> list[Record]:
    source = FollowUps(
        customers=customers,
        seed=seed,
        now=lambda: NOW,
        bad_share=bad_share,
        too_large_bytes=MAX_EVENT_BYTES + 1,
    )
    return list(islice(source, count))


def test_good_events_are_all_valid(customers: list[Customer]) -> None:
    assert decoded(_records(customers, 5_000), SCHEMA).refusals == []


def test_the_same_seed_gives_the_same_events_and_another_seed_others(
    customers: list[Customer],
) -> None:
    first = _records(customers, 300, bad_share=0.2)
    assert first == _records(customers, 300, bad_share=0.2)
    assert first != _records(customers, 300, bad_share=0.2, seed=2)


def test_kinds_come_in_their_shares(customers: list[Customer]) -> None:
    kinds = Counter(record.kind for record in _records(customers, 10_000))
    assert kinds["monthly_charge"] == pytest.approx(6_000, rel=0.05)
    assert kinds["support_call"] == pytest.approx(2_500, rel=0.08)
    assert kinds["profile_change"] == pytest.approx(1_500, rel=0.1)


def test_some_customers_are_far_more_active(customers: list[Customer]) -> None:
    per_customer = Counter(record.key for record in _records(customers, 10_000)).most_common()
    assert per_customer[0][1] > 10 * per_customer[len(per_customer) // 2][1]


def test_every_bad_kind_occurs_and_is_refused_for_its_reason(customers: list[Customer]) -> None:
    records = _records(customers, 600, bad_share=0.5)
    refused = {refusal.row: refusal.code for refusal in decoded(records, SCHEMA).refusals}
    expected = {row: record.kind for row, record in enumerate(records) if record.is_bad}
    assert refused == expected
    assert set(expected.values()) == {*BAD_KINDS, "too_large"}


def test_events_do_not_depend_on_the_outcome(customers: list[Customer]) -> None:
    relabelled = [
        Customer(customer_id=customer.customer_id, profile=customer.profile, outcome="left")
        for customer in customers
    ]
    assert _records(relabelled, 500) == _records(customers, 500)
