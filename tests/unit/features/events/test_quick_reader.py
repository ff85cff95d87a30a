"""Compiled reading agrees with the strict decoder on every event, good or bad, to the bit."""

import json
import math
import random
from datetime import UTC, datetime

import numpy as np
import pyarrow as pa
import pytest

from features.byte_column import ByteColumn
from features.events import reasons
from features.events.decode import EventDecoder, Events, Records
from features.events.fast.kernel import REFUSED, powers_of_five, read_number
from features.events.fast.reader import QuickReader
from features.schema import Category, EventSchema, EventType, Number

PRICE = Number(name="price", unit="USD", minimum=-1e30, maximum=1e30)
SCHEMA = EventSchema(
    entity_field="customer_id",
    types=(
        EventType(
            name="sale",
            meaning="a sale",
            fields=(
                PRICE,
                Number(name="pieces", unit="", minimum=-3, maximum=2**60, integer=True),
                Category(
                    name="colour", values=("red", "dark red", "grün", 'a "b"'), required=False
                ),
                Number(name="weight", unit="kg", minimum=0, maximum=1, required=False),
            ),
        ),
        EventType(name="visit", meaning="a visit", fields=()),
        EventType(name="sales", meaning="a name that begins like another", fields=(PRICE,)),
    ),
)
NOW_MS = 1_767_225_600_000
DECODER = EventDecoder(SCHEMA, max_event_bytes=400, max_future_skew_seconds=300)

NUMBERS = [
    "0",
    "-0",
    "0.0",
    "-0.0",
    "00",
    "01",
    "1.",
    ".5",
    "1e5",
    "1E-3",
    "1e",
    "1e+",
    "+1",
    "-",
    "true",
    "null",
    '"1"',
    "NaN",
    "Infinity",
    "1e400",
    "1e-400",
    "123456789012345678901",
    "9007199254740993",
    "9007199254740992",
    "9223372036854775808.0",
    "1.8446744073709551616",
    "0.018446744073709551616",
    "1152921504606846977",
    "2.0",
    "1 ",
    "5e-324",
    "1.7976931348623157e308",
    "0.1",
    "0.30000000000000004",
    "1_0",
    "0x1",
    "[1]",
    "{}",
]
TIMES = [
    "2026-01-01T00:00:00Z",
    "2025-12-31T23:59:59.123Z",
    "2025-12-31T23:59:59.1234567Z",
    "2025-12-31T23:59:59.123456+00:00",
    "2025-12-31T23:59:59+02:00",
    "2025-12-31 23:59:59Z",
    "2025-12-31t23:59:59z",
    "2025-02-29T00:00:00Z",
    "2024-02-29T00:00:00Z",
    "1969-01-01T00:00:00Z",
    "2025-13-01T00:00:00Z",
    "2025-12-31T24:00:00Z",
    "2025-12-31T23:59:60Z",
    "2025-12-31T23:59Z",
    "2025-12-31T23:59:59",
    "2025-12-31T23:59:59.Z",
    "2025-12-31T23:59:59.5Z",
    "",
    "yesterday",
    "2026-01-01T00:05:00.000Z",
    "2026-01-01T00:05:00.001Z",
    "2100-02-29T00:00:00Z",
    "1970-01-01T00:00:00.001Z",
    "2000-02-29T12:00:00.05+00:00",
    "2025-12-31T23:59:59-00:00",
]
TEXTS = ["red", "dark red", "grün", 'a "b"', "Red", "", "re", "reddish", "r\\u0065d"]
ENTITIES = ["a", "c00017", "Zoë", "with space", "", "x" * 512, "x" * 513, 'q"q', "b\\\\c", "\x7f"]
MORE = ['"note":1', '"price":2', '"x":{"price":3}', '"customer_id":"a"', '"type":"visit"']


def number(pick: random.Random) -> str:
    """A number's text, mostly a good one of some length."""
    texts = [
        pick.choice(NUMBERS),
        repr(pick.uniform(-1, 1) * 10.0 ** pick.randint(-9, 9)),
        str(round(pick.gauss(0, 100), pick.randint(0, 6))),
        str(pick.randint(-5, 2**61)),
        str(pick.randint(0, 9)),
        f"0.{pick.randint(0, 10**12)}",
    ]
    return pick.choice(texts)


def event(pick: random.Random) -> tuple[bytes | None, bytes | None]:
    """Key and value of an event with some oddities."""
    is_odd = pick.random() < 0.4
    entity = pick.choice(ENTITIES) if is_odd else f"c{pick.randint(0, 99999)}"
    time = pick.choice(TIMES) if pick.random() < 0.4 else _time(pick)
    kind = pick.choice(["sale", "sale", "sale", "visit", "sales", "fax", "sal"])
    members = [f'"type":"{kind}"', f'"customer_id":"{entity}"', f'"event_time":"{time}"']
    if kind != "visit" or pick.random() < 0.1:
        members += [f'"price":{number(pick)}', f'"pieces":{number(pick)}']
    if pick.random() < 0.3:
        members.append(f'"colour":"{pick.choice(TEXTS)}"')
    if pick.random() < 0.3:
        members.append(f'"weight":{number(pick)}')
    if pick.random() < 0.1:
        members.append(pick.choice(MORE))
    if pick.random() < 0.1:
        members.pop(pick.randrange(len(members)))
    if pick.random() < 0.2:
        pick.shuffle(members)
    comma, colon = pick.choice([(",", ":"), (",", ":"), (", ", ": "), (" ,\n", "\t:")])
    raw = "{" + comma.join(member.replace(":", colon, 1) for member in members) + "}"
    raw = _damaged(raw, pick) if pick.random() < 0.1 else raw
    key = entity.encode() if pick.random() < 0.95 else pick.choice([None, b"", b"b", b"c1"])
    return key, raw.encode("utf-8", "surrogatepass") if pick.random() < 0.99 else None


def _time(pick: random.Random) -> str:
    moment = datetime.fromtimestamp(pick.randint(0, NOW_MS) / 1000, UTC)
    precision = pick.choice(["milliseconds", "milliseconds", "seconds", "microseconds"])
    text = moment.isoformat(timespec=precision)
    return text.replace("+00:00", "Z") if pick.random() < 0.7 else text


def _damaged(raw: str, pick: random.Random) -> str:
    at = pick.randrange(len(raw) + 1)
    surplus = pick.choice(["", "x", '"', "}", ",", " ", "\x00", "\\", "é", "\ud800"])
    return raw[:at] + surplus + raw[at + pick.randint(0, 2) :]


def assert_same(events: Events, expected: Events) -> None:
    """Equal to the bit, refusals' words included."""
    assert events.rows.tolist() == expected.rows.tolist()
    assert events.entities == expected.entities
    assert events.type_codes.tolist() == expected.type_codes.tolist()
    assert events.times_ms.tolist() == expected.times_ms.tolist()
    assert events.values.tobytes() == expected.values.tobytes()
    assert events.refusals == expected.refusals


@pytest.mark.parametrize("seed", range(4))
def test_thousands_of_odd_events_are_read_as_the_strict_decoder_reads_them(seed: int) -> None:
    pick = random.Random(seed)
    pairs = [event(pick) for _ in range(5000)]
    keys, values = [key for key, _ in pairs], [value for _, value in pairs]
    records = Records(keys, values, np.arange(5000), np.full(5000, NOW_MS))
    expected = DECODER.decode_strictly(records, range(5000))
    assert 500 < len(expected.rows) < 4500  # both kinds are there
    assert_same(DECODER.decode(records), expected)


def test_columns_of_a_slice_are_read_at_their_place() -> None:
    pick = random.Random(5)
    pairs = [event(pick) for _ in range(300)]
    keys, values = (pa.array(list(column), pa.binary()) for column in zip(*pairs, strict=True))
    place = np.arange(100), np.full(100, NOW_MS)
    part = Records(ByteColumn(keys[100:200]), ByteColumn(values[100:200]), *place)
    plain = Records(keys[100:200].to_pylist(), values[100:200].to_pylist(), *place)
    assert_same(DECODER.decode(part), DECODER.decode_strictly(plain, range(100)))


def test_the_usual_shape_is_read_by_the_compiled_way() -> None:
    good = {"type": "sale", "customer_id": "a", "event_time": "2025-12-31T23:59:59.123Z"}
    more = {"price": -0.1234567890123456, "pieces": 2, "colour": "grün"}
    raw = json.dumps(good | more, ensure_ascii=False).encode()
    reading = QuickReader(SCHEMA).read(
        ByteColumn.of([raw]), ByteColumn.of([b"a"]), latest_ms=np.array([NOW_MS]), max_bytes=400
    )
    assert reading.is_read.tolist() == [True]
    assert reading.values[0, :3].tolist() == [-0.1234567890123456, 2.0, 2.0]
    assert math.isnan(reading.values[0, 3])


def test_no_records_give_no_events() -> None:
    assert DECODER.decode(Records([], [], np.arange(0), np.arange(0))).entities == []


def test_numbers_are_the_nearest_floats() -> None:
    pick = random.Random(3)
    tens, fives = 10.0 ** np.arange(23), powers_of_five()
    word = np.zeros(1, dtype=np.uint64)
    real = word.view(np.float64)
    read = 0
    for _ in range(30_000):
        digits = pick.randint(0, 10 ** pick.randint(1, 19) - 1)
        # Near the middle between two floats rounding is hardest.
        digits = (digits | 2**53) + 1 if pick.random() < 0.3 else digits
        text = (
            f"{digits}e{pick.randint(-60, 40)}" if pick.random() < 0.7 else repr(pick.gauss(0, 1))
        )
        raw = np.frombuffer(text.encode(), dtype=np.uint8)
        at, kind = read_number(raw, 0, len(raw), tens, fives, word, real)
        if kind != REFUSED:
            assert (at, float(real[0]).hex()) == (len(raw), float(text).hex())
            read += 1
    assert read > 28_000


@pytest.mark.parametrize(
    "text",
    [
        "9223372036854775808.0",
        "1.8446744073709551616",
        "-1.8446744073709551616",
        "0.018446744073709551616",
        "36893488147419103232.0",
        "1844674407370955161600000.5",
        "0.99999999999999999999999",
    ],
)
def test_a_number_of_more_digits_than_64_bits_hold_is_never_read_as_another(text: str) -> None:
    word = np.zeros(1, dtype=np.uint64)
    raw = np.frombuffer(text.encode(), dtype=np.uint8)
    tens, fives = 10.0 ** np.arange(23), powers_of_five()
    real = word.view(np.float64)
    _, kind = read_number(raw, 0, len(raw), tens, fives, word, real)
    assert kind == REFUSED or real[0] == float(text)


ESCAPED = EventSchema(
    entity_field="customer_id",
    types=(
        EventType(name='a "sale"', meaning="a name that JSON escapes", fields=(PRICE,)),
        EventType(
            name="visit",
            meaning="a value that JSON escapes",
            fields=(Category(name="page", values=("back\\slash", "plain", "two\nlines")),),
        ),
        EventType(
            name="call",
            meaning="a field name that JSON escapes",
            fields=(Number(name="a\tb", unit="", minimum=0, maximum=9, required=False),),
        ),
    ),
)


@pytest.mark.parametrize(
    ("members", "code"),
    [
        ({"type": "sale", "price": 1}, reasons.UNKNOWN_EVENT_TYPE),
        ({"type": 1, "price": 1}, reasons.UNKNOWN_EVENT_TYPE),
        ({"type": "visit", "page": 7}, reasons.WRONG_TYPE),
        ({"type": "visit", "page": "back"}, reasons.OUT_OF_RANGE),
        ({"type": "visit", "page": "plain"}, None),
        ({"type": "visit", "page": "back\\slash"}, None),
        ({"type": "visit", "page": "two\nlines"}, None),
        ({"type": 'a "sale"', "price": 1}, None),
        ({"type": "call", "a\tb": 3}, None),
        ({"type": "call", "a": 3}, None),
    ],
)
def test_names_and_values_that_json_escapes_match_themselves_only(
    members: dict[str, object], code: str | None
) -> None:
    event = {**members, "customer_id": "a", "event_time": "2025-12-31T23:59:59Z"}
    decoder = EventDecoder(ESCAPED, max_event_bytes=400, max_future_skew_seconds=300)
    records = Records([b"a"], [json.dumps(event).encode()], np.arange(1), np.full(1, NOW_MS))
    events = decoder.decode(records)
    assert [refusal.code for refusal in events.refusals] == ([code] if code else [])
    assert_same(events, decoder.decode_strictly(records, range(1)))


@pytest.mark.parametrize("members", ['"type":,"page":"plain"', '"type":"visit","page":', ":3"])
def test_nothing_in_the_place_of_a_text_that_json_escapes_is_no_json(members: str) -> None:
    rest = '"customer_id":"a","event_time":"2025-12-31T23:59:59Z"'
    decoder = EventDecoder(ESCAPED, max_event_bytes=400, max_future_skew_seconds=300)
    raw = f"{{{members},{rest}}}".encode()
    events = decoder.decode(Records([b"a"], [raw], np.arange(1), np.full(1, NOW_MS)))
    assert [refusal.code for refusal in events.refusals] == [reasons.MALFORMED_JSON]
