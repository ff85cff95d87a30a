"""Quick, strict and independent reading agree on every event, good, careless or hostile."""

import inspect
import json
import sys
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from bench.mutated_events.comparison import VALID, Comparison, compare
from bench.mutated_events.independent_reading import reading
from bench.mutated_events.mutations import ARRIVAL_MS, MAX_AHEAD_MS, ONE_TYPE, SCHEMAS, TIMES
from features.events import reasons
from features.events.decode import EventDecoder, Events, Records
from features.events.rules import MAX_NESTING
from features.schema import Category, EventSchema, EventType, Number, SchemaError
from scenarios.churn.events import LABEL_SCHEMA as CHURN_LABELS
from scenarios.fraud.events import LABEL_SCHEMA as FRAUD_LABELS
from scenarios.fraud.events import SCHEMA as FRAUD

MAX_EVENT_BYTES = 20_000
REST = '"event_time":"2025-12-31T23:59:59.123Z","payment_id":1,"terminal_id":2,"amount_usd":3.5'
PAYMENT = f'{{"type":"payment","customer_id":"a",{REST}}}'


def decoder(schema: EventSchema) -> EventDecoder:
    ahead = MAX_AHEAD_MS / 1000
    return EventDecoder(schema, max_event_bytes=MAX_EVENT_BYTES, max_future_skew_seconds=ahead)


def read_in_every_way(raw: bytes | str, schema: EventSchema = FRAUD, key: bytes = b"a") -> Events:
    """The event as the decoder reads it; the strict and the independent reading must agree."""
    value = raw.encode() if isinstance(raw, str) else raw
    records = Records([key], [value], np.arange(1), np.full(1, ARRIVAL_MS))
    usual = decoder(schema).decode(records)
    strict = decoder(schema).decode_strictly(records, [0])
    latest_ms = ARRIVAL_MS + MAX_AHEAD_MS
    independent = reading(schema, key, value, latest_ms=latest_ms, max_event_bytes=MAX_EVENT_BYTES)
    for events in (usual, strict):
        assert [refusal.code for refusal in events.refusals] == (
            [independent.code] if independent.code else []
        )
        if independent.code is None:
            values = [independent.values.get(name, np.nan) for name in schema.columns]
            assert events.values.tobytes() == np.array(values).tobytes()
            assert events.times_ms.tolist() == [independent.time_ms]
            assert events.entities == [independent.entity]
    return usual


def code_of(raw: bytes | str, schema: EventSchema = FRAUD) -> str:
    """What became of the event, by every reading."""
    events = read_in_every_way(raw, schema)
    return events.refusals[0].code if events.refusals else VALID


def test_twenty_thousand_mutated_events_are_read_alike_by_all_readers() -> None:
    total = Comparison()
    for _ in compare(20_000, seed=19, total=total):
        pass
    assert [str(disagreement) for disagreement in total.disagreements] == []
    assert total.events == 20_000
    assert total.quick > 2_000
    assert total.outcomes[VALID] > 6_000
    # Where a record lies is no matter of its bytes.
    assert set(reasons.REASON_CODES) - {reasons.WRONG_PARTITION} <= set(total.outcomes)


@pytest.mark.parametrize(
    ("amount", "value"),
    [
        ("9223372036854775808.0", None),
        ("1.8446744073709551616", 1.8446744073709551616),
        ("0.018446744073709551616", 0.018446744073709551616),
        ("184467440737095516160e-20", 1.8446744073709551616),
        ("-0.0", 0.0),
        ("-0", 0.0),
        ("-1e-400", 0.0),
        ("1000000.00000000000000001", 1_000_000.0),
        ("1000000.0000000001", None),
        ("0." + "0" * 400 + "1e401", 1.0),
    ],
)
def test_a_number_is_the_float_nearest_to_its_digits(amount: str, value: float | None) -> None:
    events = read_in_every_way(PAYMENT.replace("3.5", amount))
    if value is None:
        assert [refusal.code for refusal in events.refusals] == [reasons.OUT_OF_RANGE]
    else:
        column = FRAUD.columns["amount_usd"]
        assert events.values[0, column].tobytes() == np.float64(value).tobytes()


@pytest.mark.parametrize(
    ("number", "code"),
    [
        ("2.0", VALID),
        ("20e-1", VALID),
        ("2.00000000000000000001", reasons.WRONG_TYPE),
        ("9007199254740991.0", VALID),
        ("9007199254740992", reasons.OUT_OF_RANGE),
        ("1e400", reasons.NOT_FINITE),
        ("1" + "0" * 400, reasons.NOT_FINITE),
        ("1e-" + "9" * 5000, reasons.WRONG_TYPE),
        ("1." + "0" * 5000, VALID),
        ("0e" + "9" * 5000, VALID),
        ("NaN", reasons.NOT_FINITE),
        ("-1", reasons.OUT_OF_RANGE),
        ("true", reasons.WRONG_TYPE),
    ],
)
def test_a_whole_number_is_judged_by_its_exact_value(number: str, code: str) -> None:
    assert code_of(PAYMENT.replace('"payment_id":1', f'"payment_id":{number}')) == code


@pytest.mark.parametrize("schema", [FRAUD, FRAUD_LABELS, CHURN_LABELS, ONE_TYPE])
@pytest.mark.parametrize(
    ("spoil", "code"),
    [
        (lambda raw: raw.replace(b'"type"', b'"kind"'), reasons.MISSING_FIELD),
        (lambda raw: raw.replace(b'"type":"', b'"type":"un'), reasons.UNKNOWN_EVENT_TYPE),
        (lambda raw: raw.replace(b'"type":"', b'"type":1,"x":"'), reasons.UNKNOWN_EVENT_TYPE),
        (lambda raw: raw[:-1] + raw[raw.rindex(b',"') :], reasons.DUPLICATE_KEY),
        (lambda raw: raw[:-1] + b',"x":{"b":1,"b":2}}', reasons.DUPLICATE_KEY),
        (lambda raw: raw[:-1] + b',"x":1,"x":1}', reasons.DUPLICATE_KEY),
        (lambda raw: raw[:-1] + b',"x":"\xff"}', reasons.NOT_UTF8),
        (lambda raw: raw[:-1] + b',"\xc3":1}', reasons.NOT_UTF8),
        (lambda raw: raw[:-1] + b',"x":"\xed\xa0\x80"}', reasons.NOT_UTF8),
        (lambda raw: raw[:-1] + b',"x":NaN}', reasons.MALFORMED_JSON),
        (lambda raw: raw[:-1] + b',"x":01}', reasons.MALFORMED_JSON),
        (lambda raw: raw[:-1] + b',"x":"\\ud800"}', reasons.MALFORMED_JSON),
        (lambda raw: raw[:-1] + b',"x":' + b"9" * 4301 + b"}", VALID),
        (lambda raw: raw[:-1] + b',"x":[1e999,{"a":-1e999}]}', VALID),
    ],
)
def test_a_schema_with_one_type_is_as_strict_as_any_other(
    schema: EventSchema, spoil: Callable[[bytes], bytes], code: str
) -> None:
    """Of labels, and events of one type: no member may be missing, foreign or there twice."""
    event: dict[str, Any] = {"type": schema.types[0].name, schema.entity_field: "a"}
    event["event_time"] = "2025-12-31T23:59:59.123Z"
    for field in schema.types[0].fields:
        event[field.name] = field.values[0] if isinstance(field, Category) else 0
    raw = json.dumps(event, separators=(",", ":")).encode()
    assert code_of(raw, schema) == VALID
    assert code_of(spoil(raw), schema) == code


@pytest.mark.parametrize("time", TIMES)
def test_a_time_is_judged_alike_whatever_is_ignored_beside_it(time: str) -> None:
    event = PAYMENT.replace('"2025-12-31T23:59:59.123Z"', json.dumps(time))
    alone = read_in_every_way(event)
    for ignored in ('"note":1', '"note":"é"', '"note":{"a":[1]}', '"a\\"b":1'):
        beside = read_in_every_way(event[:-1] + "," + ignored + "}")
        assert beside.times_ms.tolist() == alone.times_ms.tolist()
        assert [refusal.code for refusal in beside.refusals] == [
            refusal.code for refusal in alone.refusals
        ]


@pytest.mark.parametrize(
    ("time", "time_ms"),
    [
        ("2025-12-31T23:59:59.123Z", ARRIVAL_MS - 877),
        ("2025-12-31t23:59:59.123z", ARRIVAL_MS - 877),
        ("2026-01-01 01:59:59.123+0200", ARRIVAL_MS - 877),
        ("2025-12-31T23:59:59.1235Z", ARRIVAL_MS - 876),
        ("2025-12-31T23:59:59.1225Z", ARRIVAL_MS - 878),
        ("2025-12-31T23:59:59.1225000000000000001Z", ARRIVAL_MS - 877),
        ("2025-12-31T23:59:59.9996Z", ARRIVAL_MS),
        ("1970-01-01T00:00:00+00:00", 0),
    ],
)
def test_a_time_counts_in_the_nearest_millisecond(time: str, time_ms: int) -> None:
    events = read_in_every_way(PAYMENT.replace("2025-12-31T23:59:59.123Z", time))
    assert events.times_ms.tolist() == [time_ms]


def at_depth(frames: int, call: Callable[[], str]) -> str:
    """What `call` returns, called from below that many further frames."""
    return call() if frames == 0 else at_depth(frames - 1, call)


@pytest.mark.parametrize(
    ("levels", "code"), [(MAX_NESTING, VALID), (MAX_NESTING + 1, reasons.TOO_DEEP)]
)
def test_the_nesting_limit_is_the_same_below_a_deep_stack(levels: int, code: str) -> None:
    nested = "[" * (levels - 1) + "]" * (levels - 1)
    raw = f'{PAYMENT[:-1]},"x":{nested}}}'.encode()
    records = Records([b"a"], [raw], np.arange(1), np.full(1, ARRIVAL_MS))
    fraud_decoder = decoder(FRAUD)

    def decoded() -> str:
        refusals = fraud_decoder.decode(records).refusals
        return refusals[0].code if refusals else VALID

    assert code_of(raw) == code
    # So near to the limit a recursive reader would have no room for 128 levels.
    used = len(inspect.stack(context=0))
    assert at_depth(sys.getrecursionlimit() - used - 60, decoded) == code


def test_too_deep_and_malformed_count_from_the_left() -> None:
    deep = "[" * 5000
    assert code_of(f'{PAYMENT[:-1]},"x":{deep}') == reasons.TOO_DEEP
    assert code_of(f'{PAYMENT[:-1]},"y":tru,"x":{deep}') == reasons.MALFORMED_JSON
    assert code_of(f'{PAYMENT[:-1]},"y":"{deep}"}}') == VALID


WHOLE = Number(name="n", unit="", minimum=0, maximum=1, integer=True)


@pytest.mark.parametrize(
    ("low", "high", "good", "bad"),
    [
        (
            -(2**63),
            2**63,
            ["9223372036854775808", "-9223372036854775808.0"],
            ["9223372036854775809"],
        ),
        (0, 2**64, ["18446744073709551616"], ["18446744073709551617", "-1"]),
        (0.5, 2.5, ["1", "2"], ["0", "3"]),
        (-float("inf"), float("inf"), ["1" + "0" * 300, "-7"], []),
        (2**53 + 1, 2**60, ["9007199254740994"], ["9007199254740992", "9007199254740991"]),
    ],
)
def test_bounds_of_whole_numbers_may_lie_anywhere(
    low: float, high: float, good: list[str], bad: list[str]
) -> None:
    number = Number(name="n", unit="", minimum=low, maximum=high, integer=True)
    schema = EventSchema(
        entity_field="id", types=(EventType(name="t", meaning="t", fields=(number,)),)
    )
    event = '{"type":"t","id":"a","event_time":"2025-12-31T23:59:59Z","n":%s}'
    assert [code_of(event % text, schema) for text in good] == [VALID] * len(good)
    assert [code_of(event % text, schema) for text in bad] == [reasons.OUT_OF_RANGE] * len(bad)


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ([Number(name="n", unit="", minimum=float("nan"), maximum=1)], "above maximum"),
        ([Number(name="n", unit="", minimum=2, maximum=1)], "above maximum"),
        ([Number(name="n", unit="", minimum=0, maximum=10**400)], "beyond every float64"),
        ([Number(name="n", unit="", minimum=float("inf"), maximum=float("inf"))], "above maximum"),
        ([Number(name="n", unit="", minimum=0.2, maximum=0.8, integer=True)], "no whole number"),
        ([Category(name="c", values=("x", "x"))], "a value twice"),
        ([Category(name="c", values=("\ud800",))], "surrogate"),
        ([Number(name="\udc00", unit="", minimum=0, maximum=1)], "surrogate"),
        ([WHOLE, WHOLE], "a field twice"),
    ],
)
def test_a_schema_that_cannot_be_read_by_is_refused_with_its_field(
    fields: list[Number | Category], words: str
) -> None:
    with pytest.raises(SchemaError, match=words):
        EventSchema(
            entity_field="id", types=(EventType(name="t", meaning="t", fields=tuple(fields)),)
        )


def test_every_kind_of_schema_is_compared() -> None:
    assert {"churn events", "churn labels", "fraud events", "fraud labels"} <= set(SCHEMAS)
    assert any(len(schema.types) == 1 for schema in SCHEMAS.values())
