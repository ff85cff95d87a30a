"""Every kind of bad event gets its reason; every good one becomes exact columns."""

import numpy as np
import pytest

from features.events import reasons
from features.events.decode import EventDecoder, Events, Records
from features.schema import Category, EventSchema, EventType, Number

SCHEMA = EventSchema(
    entity_field="customer_id",
    types=(
        EventType(
            name="call",
            meaning="a call",
            fields=(
                Number(name="minutes", unit="min", minimum=0, maximum=600),
                Number(name="agents", unit="", minimum=1, maximum=9, required=False, integer=True),
                Category(name="reason", values=("billing", "other"), required=False),
            ),
        ),
    ),
)
NOW_MS = 1_767_225_600_000  # 2026-01-01T00:00:00Z
GOOD = b'{"type":"call","customer_id":"a","event_time":"2025-12-31T23:59:59.123Z","minutes":3.5%b}'


def decode(raw: bytes | None, key: bytes | None = b"a") -> Events:
    """Decode one record that arrived at the start of 2026."""
    decoder = EventDecoder(SCHEMA, max_event_bytes=100_000, max_future_skew_seconds=300)
    return decoder.decode(Records([key], [raw], np.array([7]), np.array([NOW_MS])))


def good(more: bytes = b"") -> bytes:
    """A valid event with `more` members."""
    return GOOD % more


def test_a_good_event_becomes_exact_columns() -> None:
    events = decode(good(b',"agents":2,"reason":"other"'))
    assert events.refusals == []
    assert events.entities == ["a"]
    assert events.times_ms.tolist() == [NOW_MS - 877]
    assert events.values.tolist() == [[3.5, 2.0, 1.0]]


def test_optional_fields_may_be_left_out_and_unknown_ones_are_ignored() -> None:
    events = decode(good(b',"shoe_size":{"eu":[44]},"note":"a \\"quoted\\" word"'))
    assert events.refusals == []
    assert np.isnan(events.values[0, 1:]).all()


@pytest.mark.parametrize("entity", ["with spaces", "a:b", "Zoë Łukasz 客户", "0", "x" * 512])
def test_ids_with_spaces_colons_and_other_letters_are_fine(entity: str) -> None:
    raw = good().replace(b'"a"', b'"' + entity.encode() + b'"')
    assert decode(raw, entity.encode()).entities == [entity]


T = b'"2025-12-31T23:59:59.123Z"'
BAD = [
    (None, reasons.NULL_VALUE, "tombstone"),
    (b"", reasons.MALFORMED_JSON, "not valid JSON"),
    (b"{", reasons.MALFORMED_JSON, "not valid JSON"),
    (good() + b"x", reasons.MALFORMED_JSON, "Extra data"),
    (b"\xff\xfe", reasons.NOT_UTF8, "byte 0"),
    (good().replace(b'"a"', b'"\xc3("'), reasons.NOT_UTF8, "0xc3"),
    (b"[" * 20_000, reasons.TOO_DEEP, "flat"),
    (good(b',"x":' + b"[" * 20_000 + b"]" * 20_000), reasons.TOO_DEEP, "flat"),
    (b"[1]", reasons.NOT_AN_OBJECT, "a list"),
    (b"7", reasons.NOT_AN_OBJECT, "the number"),
    (good(b',"x":"' + b"y" * 100_000 + b'"'), reasons.TOO_LARGE, "allowed are 100,000"),
    (good(b',"minutes":4'), reasons.DUPLICATE_KEY, '"minutes"'),
    (good(b',"min\\u0075tes":4'), reasons.DUPLICATE_KEY, '"minutes"'),
    (good(b',"extra":{"b":1,"b":2}'), reasons.DUPLICATE_KEY, '"b"'),
    (good().replace(b'"type":"call",', b""), reasons.MISSING_FIELD, "'type'"),
    (good().replace(b'"call"', b'"fax"'), reasons.UNKNOWN_EVENT_TYPE, '"fax"'),
    (good().replace(b'"call"', b"null"), reasons.UNKNOWN_EVENT_TYPE, "null"),
    (good().replace(b',"minutes":3.5', b""), reasons.MISSING_FIELD, "'minutes'"),
    (good().replace(b'"customer_id":"a",', b""), reasons.MISSING_FIELD, "'customer_id'"),
    (good().replace(b'"a"', b"7"), reasons.WRONG_TYPE, "'customer_id'"),
    (good().replace(b'"a"', b'""'), reasons.OUT_OF_RANGE, "'customer_id'"),
    (good().replace(b"3.5", b'"3.5"'), reasons.WRONG_TYPE, "the string"),
    (good().replace(b"3.5", b"true"), reasons.WRONG_TYPE, "the boolean"),
    (good().replace(b"3.5", b"null"), reasons.WRONG_TYPE, "null"),
    (good().replace(b"3.5", b"NaN"), reasons.NOT_FINITE, "nan"),
    (good().replace(b"3.5", b"-Infinity"), reasons.NOT_FINITE, "-inf"),
    (good().replace(b"3.5", b"1e999"), reasons.NOT_FINITE, "inf"),
    (good().replace(b"3.5", b"-1"), reasons.OUT_OF_RANGE, "from 0 to 600 min"),
    (good().replace(b"3.5", b"1" + b"0" * 400), reasons.NOT_FINITE, "from 0 to 600 min"),
    (good(b',"agents":2.5'), reasons.WRONG_TYPE, "whole number"),
    (good(b',"reason":"Billing"'), reasons.OUT_OF_RANGE, "'billing'"),
    (good(b',"reason":1'), reasons.WRONG_TYPE, "'reason'"),
    (good().replace(T, b'"yesterday"'), reasons.WRONG_TYPE, "time zone"),
    (good().replace(T, b'"2025-12-31T23:59:59"'), reasons.WRONG_TYPE, "time zone"),
    (good().replace(T, b"1767225599"), reasons.WRONG_TYPE, "event_time"),
    (good().replace(T, b'"1969-12-31T23:59:59Z"'), reasons.OUT_OF_RANGE, "1970"),
    (good().replace(T, b'"2026-01-01T00:05:01Z"'), reasons.FUTURE_EVENT, "301 s after"),
]


@pytest.mark.parametrize(("raw", "code", "words"), BAD)
def test_a_bad_event_is_refused_with_its_reason(raw: bytes | None, code: str, words: str) -> None:
    (refusal,) = decode(raw).refusals
    assert (refusal.row, refusal.code) == (0, code)
    assert words in refusal.sentence


def test_a_null_key_and_a_key_of_another_entity_are_refused() -> None:
    assert decode(good(), None).refusals[0].code == reasons.NULL_KEY
    refusal = decode(good(), b"b").refusals[0]
    assert refusal.code == reasons.KEY_MISMATCH
    assert "b'b'" in refusal.sentence


def test_every_reason_has_a_bad_event_here() -> None:
    covered = {code for _, code, _ in BAD} | {reasons.NULL_KEY, reasons.KEY_MISMATCH}
    # Where a record lies is tried in test_partitioners.py.
    assert covered == set(reasons.REASON_CODES) - {reasons.WRONG_PARTITION}


def test_a_bad_event_between_good_ones_leaves_them_alone() -> None:
    decoder = EventDecoder(SCHEMA, max_event_bytes=100_000, max_future_skew_seconds=300)
    records = Records([b"a"] * 3, [good(), b"{", good()], np.arange(3), np.full(3, NOW_MS))
    events = decoder.decode(records)
    assert events.rows.tolist() == [0, 2]
    assert [refusal.row for refusal in events.refusals] == [1]
