"""Simulated payments are valid and seeded; bad ones are refused as intended."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import count, islice

from scenarios.fraud.events import SCHEMA
from scenarios.fraud.simulator import FollowUps
from scenarios.fraud.source import FraudSource
from scenarios.simulation.bad_events import BAD_KINDS
from scenarios.simulation.records import Record
from tests.support.scenario_records import ARRIVAL_MS, MAX_EVENT_BYTES, decoded
from tests.unit.fraud.few_payments import payments_of

NOW = datetime.fromtimestamp(ARRIVAL_MS / 1000, UTC)


def _records(number: int, *, seed: int = 1, bad_share: float = 0.0) -> list[Record]:
    source = FollowUps(
        payments=payments_of(),
        seed=seed,
        now=lambda: NOW,
        bad_share=bad_share,
        too_large_bytes=MAX_EVENT_BYTES + 1,
    )
    return list(islice(source, number))


def test_good_payments_are_all_valid() -> None:
    assert decoded(_records(3_000), SCHEMA).refusals == []


def test_the_same_seed_gives_the_same_payments_and_another_seed_others() -> None:
    first = _records(300, bad_share=0.2)
    assert first == _records(300, bad_share=0.2)
    assert first != _records(300, bad_share=0.2, seed=2)


def test_every_bad_kind_occurs_and_is_refused_for_its_reason() -> None:
    records = _records(600, bad_share=0.5)
    refused = {refusal.row: refusal.code for refusal in decoded(records, SCHEMA).refusals}
    expected = {row: record.kind for row, record in enumerate(records) if record.is_bad}
    assert refused == expected
    assert set(expected.values()) == {*BAD_KINDS, "too_large"}


def test_a_negative_and_an_absurd_amount_are_refused_and_nothing_is_allowed() -> None:
    (record,) = _records(1)
    payment = json.loads(record.value or b"")
    payments = [payment | {"amount_usd": amount} for amount in (-0.01, 1_000_000.01, 0, 1_000_000)]
    records = [
        Record(
            topic_kind="events", kind="payment", key=record.key, value=json.dumps(event).encode()
        )
        for event in payments
    ]
    refusals = decoded(records, SCHEMA).refusals
    assert [(refusal.row, refusal.code) for refusal in refusals] == [
        (0, "out_of_range"),
        (1, "out_of_range"),
    ]


def test_payments_are_real_ones_dated_now_with_ids_of_their_own() -> None:
    payments = payments_of()
    real = set(
        zip(
            payments.customers.tolist(),
            payments.terminals.tolist(),
            payments.amounts_usd.tolist(),
            strict=True,
        )
    )
    clock: Iterator[datetime] = (
        NOW + timedelta(milliseconds=milliseconds) for milliseconds in count()
    )
    source = FraudSource(payments).follow_ups(
        seed=3, now=lambda: next(clock), bad_share=0.0, too_large_bytes=1_000
    )
    events = [json.loads(record.value or b"") for record in islice(source, 500)]
    triples = {
        (int(event["customer_id"]), event["terminal_id"], event["amount_usd"]) for event in events
    }
    assert triples == real
    assert len({event["payment_id"] for event in events}) == 500
    assert events[1]["event_time"] > events[0]["event_time"] == "2026-09-21T14:13:20.000Z"
