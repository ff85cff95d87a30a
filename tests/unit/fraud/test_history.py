"""Payments are published day by day; their verdicts follow a week later, on the label topic."""

import json

from scenarios.fraud.events import LABEL_SCHEMA, SCHEMA
from scenarios.fraud.history import History
from scenarios.fraud.source import FraudSource
from tests.support.scenario_records import decoded
from tests.unit.fraud.few_payments import payments_of

HISTORY = History(payments_of(), has_verdicts=True)


def test_a_payment_is_an_event_of_its_customer() -> None:
    record = HISTORY[0]
    assert (record.topic_kind, record.key) == ("events", b"4961")
    assert json.loads(record.value or b"") == {
        "type": "payment",
        "customer_id": "4961",
        "event_time": "2018-04-01T01:00:00.000Z",
        "payment_id": 100,
        "terminal_id": 3412,
        "amount_usd": 81.51,
    }


def test_a_verdict_is_dated_when_it_becomes_known() -> None:
    labels = [json.loads(record.value or b"") for record in HISTORY if record.kind == "verdict"]
    verdicts = [label["verdict"] for label in labels]
    assert verdicts == ["genuine", "genuine", "fraud", "genuine", "genuine"]
    assert labels[2] == {
        "type": "verdict",
        "customer_id": "4961",
        "event_time": "2018-04-09T12:00:00.000Z",
        "payment_id": 102,
        "terminal_id": 3412,
        "verdict": "fraud",
    }


def test_a_days_verdicts_follow_its_payments() -> None:
    kinds = [
        (record.kind, json.loads(record.value or b"")["event_time"][:10]) for record in HISTORY
    ]
    assert kinds == [
        ("payment", "2018-04-01"),
        ("payment", "2018-04-01"),
        ("payment", "2018-04-02"),
        ("verdict", "2018-04-08"),
        ("verdict", "2018-04-08"),
        ("payment", "2018-04-09"),
        ("payment", "2018-04-09"),
        ("verdict", "2018-04-09"),
        ("verdict", "2018-04-16"),
        ("verdict", "2018-04-16"),
    ]


def test_the_history_is_a_sequence_that_repeats_itself() -> None:
    assert len(HISTORY) == len(list(HISTORY)) == 10
    assert list(HISTORY) == HISTORY[:] == [HISTORY[index] for index in range(10)]


def test_labels_can_be_left_out() -> None:
    history = FraudSource(payments_of()).history(with_labels=False)
    assert [record.kind for record in history] == ["payment"] * 5


def test_every_record_is_valid() -> None:
    payments = [record for record in HISTORY if record.topic_kind == "events"]
    verdicts = [record for record in HISTORY if record.topic_kind == "labels"]
    assert decoded(payments, SCHEMA).refusals == []
    assert decoded(verdicts, LABEL_SCHEMA).refusals == []
