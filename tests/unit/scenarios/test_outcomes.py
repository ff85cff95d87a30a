"""Outcomes of actions: what is valid, and under which reason code all else is refused."""

import json
from typing import Any

import numpy as np
import pytest

from features.events import reasons
from features.events.decode import Records
from scenarios.contract.records.outcomes import OutcomeDecoder, key_of, refusals_of

NOW_MS = 1_780_000_000_000
GOOD: dict[str, Any] = {
    "type": "outcome",
    "entity": "c1",
    "event_time": "2026-05-28T20:26:40Z",
    "prediction_id": "churn-1-0-12-v2",
    "status": "refused",
    "reason": "too expensive",
    "offer": "one year",
    "cost": 12.5,
    "agent": "a17",
}
DECODER = OutcomeDecoder(max_event_bytes=100_000, max_future_skew_seconds=300)


def records(*values: bytes | None, key: bytes | None = b"c1") -> Records:
    return Records(
        keys=[key] * len(values),
        values=list(values),
        offsets=np.arange(len(values)),
        timestamps_ms=np.full(len(values), NOW_MS),
    )


def test_a_valid_outcome_keeps_all_that_it_says() -> None:
    shown = {name: GOOD[name] for name in ("type", "entity", "event_time", "prediction_id")}
    minimal = json.dumps({**shown, "status": "shown"}).encode()
    decoded = DECODER.decode(records(json.dumps(GOOD).encode(), minimal))
    assert decoded.events.refusals == []
    assert decoded.statuses == ["refused", "shown"]
    assert decoded.costs == [12.5, 0.0]
    assert decoded.texts[0] == {
        "prediction_id": "churn-1-0-12-v2",
        "reason": "too expensive",
        "offer": "one year",
        "agent": "a17",
    }
    assert decoded.texts[1] == {
        "prediction_id": "churn-1-0-12-v2",
        "reason": "",
        "offer": "",
        "agent": "",
    }


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"status": "maybe"}, reasons.OUT_OF_RANGE),
        ({"status": None}, reasons.WRONG_TYPE),
        ({"cost": -1}, reasons.OUT_OF_RANGE),
        ({"cost": "12"}, reasons.WRONG_TYPE),
        ({"prediction_id": ""}, reasons.OUT_OF_RANGE),
        ({"prediction_id": 7}, reasons.WRONG_TYPE),
        ({"reason": ""}, reasons.OUT_OF_RANGE),
        ({"agent": "a" * 513}, reasons.OUT_OF_RANGE),
        ({"offer": ["a", "b"]}, reasons.WRONG_TYPE),
        ({"type": "label"}, reasons.UNKNOWN_EVENT_TYPE),
        ({"event_time": "2026-06-28T20:26:40Z"}, reasons.FUTURE_EVENT),
        ({"entity": "c2"}, reasons.KEY_MISMATCH),
    ],
)
def test_what_breaks_a_rule_is_refused_with_its_code(changes: dict[str, Any], code: str) -> None:
    decoded = DECODER.decode(records(json.dumps({**GOOD, **changes}).encode()))
    assert [refusal.code for refusal in decoded.events.refusals] == [code]
    assert len(decoded.events.rows) == len(decoded.texts) == 0


@pytest.mark.parametrize("name", ["prediction_id", "entity", "status", "event_time", "reason"])
def test_what_must_be_there_is_missed(name: str) -> None:
    value = json.dumps({field: value for field, value in GOOD.items() if field != name}).encode()
    (refusal,) = DECODER.decode(records(value)).events.refusals
    assert (refusal.code, name in refusal.sentence) == (reasons.MISSING_FIELD, True)


def test_refusals_of_texts_and_of_the_rest_come_in_offset_order_beside_the_valid_ones() -> None:
    good = json.dumps(GOOD).encode()
    no_text = json.dumps({**GOOD, "offer": 1}).encode()
    decoded = DECODER.decode(records(no_text, good, None, b"{", good, no_text))
    assert [(refusal.row, refusal.code) for refusal in decoded.events.refusals] == [
        (0, reasons.WRONG_TYPE),
        (2, reasons.NULL_VALUE),
        (3, reasons.MALFORMED_JSON),
        (5, reasons.WRONG_TYPE),
    ]
    assert decoded.events.rows.tolist() == [1, 4]
    assert len(decoded.texts) == 2


def test_documents_are_checked_as_they_would_be_on_arrival() -> None:
    nameless = {**GOOD, "entity": 5}
    assert key_of(nameless) == b""
    refusals = refusals_of([GOOD, nameless, {**GOOD, "cost": -3}], DECODER, now_ms=NOW_MS)
    assert [(refusal.row, refusal.code) for refusal in refusals] == [
        (1, reasons.WRONG_TYPE),
        (2, reasons.OUT_OF_RANGE),
    ]
