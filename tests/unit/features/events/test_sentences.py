"""A dead letter's sentence can be shown anywhere: it has no character that acts."""

import json

import numpy as np
import pytest

from features.events.decode import EventDecoder, Records
from reports.terminal import visible
from tests.unit.features.events.test_decode import NOW_MS, SCHEMA

HOSTILE = "[red]\x1b[2J\u202e\x9b31m\r\n\u200b[/]"
GOOD = {"type": "call", "customer_id": "a", "event_time": "2025-12-31T23:59:59Z", "minutes": 3.5}


def sentence(raw: bytes, key: bytes = b"a") -> str:
    decoder = EventDecoder(SCHEMA, max_event_bytes=100_000, max_future_skew_seconds=300)
    events = decoder.decode(Records([key], [raw], np.array([7]), np.array([NOW_MS])))
    (refusal,) = events.refusals
    return refusal.sentence


@pytest.mark.parametrize("field", ["type", "event_time", "minutes", "reason", "agents"])
@pytest.mark.parametrize("value", [HOSTILE, [HOSTILE], {HOSTILE: HOSTILE}])
@pytest.mark.parametrize("is_ascii", [True, False])
def test_a_value_of_a_field_is_quoted_harmlessly(field: str, value: object, is_ascii: bool) -> None:
    raw = json.dumps({**GOOD, field: value}, ensure_ascii=is_ascii).encode()
    text = sentence(raw)
    assert visible(text) == text
    assert "\n" not in text


def test_names_keys_and_bytes_are_quoted_harmlessly() -> None:
    twice = json.dumps(GOOD)[:-1] + f", {json.dumps(HOSTILE)}: 1, {json.dumps(HOSTILE)}: 2}}"
    other = json.dumps({**GOOD, "customer_id": HOSTILE}).encode()
    for text in (
        sentence(twice.encode()),
        sentence(other),
        sentence(json.dumps(GOOD).encode(), HOSTILE.encode()),
        sentence(HOSTILE.encode()),
        sentence(b"\x1b\xff\x9b"),
    ):
        assert visible(text) == text
        assert "\n" not in text
