"""Records as careless and hostile producers write them: good events of a schema, and mutations.

The same seed gives the same records. A mutation is often none: some two records in five stay valid.
"""

import json
import random
from collections.abc import Mapping
from datetime import UTC, datetime

from features.events.rules import MAX_ENTITY_BYTES, MAX_NESTING
from features.schema import (
    TIME_FIELD,
    TYPE_FIELD,
    Attachment,
    Category,
    EventSchema,
    EventType,
    Field,
    Number,
)
from scenarios.churn.events import LABEL_SCHEMA as CHURN_LABELS
from scenarios.churn.events import SCHEMA as CHURN_EVENTS
from scenarios.fraud.events import LABEL_SCHEMA as FRAUD_LABELS
from scenarios.fraud.events import SCHEMA as FRAUD_EVENTS

KeyAndValue = tuple[bytes | None, bytes | None]

# Records arrive at this moment; events may be dated `MAX_AHEAD_MS` later.
ARRIVAL_MS = 1_767_225_600_000  # 2026-01-01T00:00:00Z
MAX_AHEAD_MS = 300_000
MAX_EVENT_BYTES = 12_000

_INF = float("inf")
ONE_TYPE = EventSchema(
    entity_field="machine",
    types=(
        EventType(
            name="reading",
            meaning="the only type, with nothing required",
            fields=(
                Number(name="temperature_c", unit="C", minimum=-40, maximum=0.1, required=False),
                Category(name="mode", values=("normal", "grün", "n/a"), required=False),
            ),
        ),
    ),
)
ESCAPED_NAMES = EventSchema(
    entity_field="an \\ id",
    types=(
        EventType(
            name='a "sale"',
            meaning="name, field and values that JSON escapes",
            fields=(
                Number(name="a\tb", unit="", minimum=-_INF, maximum=_INF),
                Category(name="page", values=("back\\slash", "", "two\nlines", "plain")),
            ),
        ),
        EventType(name="\x00", meaning="a control character", fields=()),
        EventType(
            name="Zoë 客户 😀",
            meaning="letters of three and four bytes",
            fields=(Category(name="größe", values=("groß", "klein", "\x7f"), required=False),),
        ),
    ),
)
WIDE_RANGES = EventSchema(
    entity_field="id",
    types=(
        EventType(
            name="wide",
            meaning="whole numbers beyond 64 bits, and every float64",
            fields=(
                Number(name="w", unit="", minimum=-(2.0**80), maximum=2.0**80, integer=True),
                Number(name="real", unit="", minimum=-1.5e308, maximum=_INF),
                Number(name="any", unit="", minimum=-_INF, maximum=_INF, integer=True),
            ),
        ),
        EventType(
            name="wid",
            meaning="ends between whole numbers; a name that another one begins with",
            fields=(
                Number(name="near", unit="", minimum=-2.5, maximum=9.5, integer=True),
                Number(name="i64", unit="", minimum=-(2**63), maximum=2**63, integer=True),
                Number(name="real", unit="", minimum=-1.5e308, maximum=_INF, required=False),
            ),
        ),
    ),
)
SCHEMAS: Mapping[str, EventSchema] = {
    "churn events": CHURN_EVENTS,
    "churn labels": CHURN_LABELS,
    "fraud events": FRAUD_EVENTS,
    "fraud labels": FRAUD_LABELS,
    "one type": ONE_TYPE,
    "escaped names": ESCAPED_NAMES,
    "wide ranges": WIDE_RANGES,
}

NUMBERS = (
    *("0", "-0", "0.0", "-0.0", "00", "01", "-01", "1.", ".5", "1e5", "1E-3", "1e", "1e+", "+1"),
    *("-", "--1", "1.5.2", "1e1.5", "1_0", "0x1", "\u0661", "NaN", "-NaN", "Infinity", "-Infinity"),
    *("1e400", "-1e400", "1e-400", "-1e-400", "5e-324", "2.4703282292062327e-324"),
    *("2.4703282292062328e-324", "1.7976931348623157e308", "1.7976931348623158079e308", "1e22"),
    *("1e23", "9007199254740992", "9007199254740993", "9007199254740993.0", "-9007199254740993"),
    *(
        "9223372036854775807",
        "9223372036854775808",
        "9223372036854775808.0",
        "-9223372036854775809",
    ),
    *(
        "18446744073709551615",
        "18446744073709551616",
        "1.8446744073709551616",
        "0.1",
        "2.0",
        "20e-1",
    ),
    *("0.018446744073709551616", "36893488147419103232.0", "184467440737095516160e-20", "2e0"),
    *("1208925819614629174706176", "1208925819614629174706177", "1.5e1", "15e-1", "1e18", "1e19"),
    *("2.00000000000000000001", "0.30000000000000004", "1" + "0" * 400, "9" * 4301, "0e999999"),
    *("1." + "0" * 700, "0." + "0" * 400 + "1e401", "1e" + "9" * 30, "1e-" + "9" * 30, "1e0000001"),
    *("1e-0", "100e-2", "0.5000000000000000277555756156289135105907917022705078125", "1.0e+2"),
)
SCALARS = ("true", "false", "null", '""', '"x"', "[]", "{}", "[1]", '{"a":1}', "nul", "TRUE", "'x'")
TIMES = (
    *("2026-01-01T00:00:00Z", "2025-12-31T23:59:59.123Z", "2025-12-31T23:59:59.1234567Z"),
    *("2025-12-31T23:59:59.123456+00:00", "2025-12-31T23:59:59+02:00", "2025-12-31 23:59:59Z"),
    *(
        "2025-12-31t23:59:59z",
        "2025-12-31T23:59:59z",
        "2025-12-31t23:59:59Z",
        "2025-02-29T00:00:00Z",
    ),
    *(
        "2024-02-29T00:00:00Z",
        "2100-02-29T00:00:00Z",
        "1969-01-01T00:00:00Z",
        "2025-13-01T00:00:00Z",
    ),
    *("2025-12-31T24:00:00Z", "2025-12-31T23:59:60Z", "2025-12-31T23:59Z", "2025-12-31T23:59:59"),
    *(
        "2025-12-31T23:59:59.Z",
        "2025-12-31T23:59:59.5Z",
        "",
        "yesterday",
        "2026-01-01T00:05:00.000Z",
    ),
    *("2026-01-01T00:05:00.001Z", "2026-01-01T00:05:00.0005Z", "2026-01-01T00:05:00.00051Z"),
    *("1970-01-01T00:00:00.001Z", "1970-01-01T00:59:59+01:00", "1969-12-31T23:59:59.9995Z"),
    *("1969-12-31T23:59:59.9994Z", "2000-02-29T12:00:00.05+00:00", "2025-12-31T23:59:59-00:00"),
    *("2025-12-31T23:59:59+0000", "2025-12-31T23:59:59+00", "2025-12-31T23:59:59+24:00"),
    *("2025-12-31T23:59:59+23:60", "2025-12-31T23:59:59+1:00", "0000-01-01T00:00:00Z"),
    *(
        "0001-01-01T00:00:00+23:59",
        "9999-12-31T23:59:59-23:59",
        "20251231T235959Z",
        "2025-W01-1T00Z",
    ),
    *("2025-12-31T23:59:59,5Z", "2025-12-31_23:59:59Z", "2025-12-31T23:59:59.1235Z"),
    *(
        "2025-12-31T23:59:59.1245Z",
        "2025-12-31T23:59:59.12450000000000000001Z",
        " 2025-12-31T23:59:59Z",
    ),
    *(
        "2025-12-31T23:59:59.9999Z",
        "2025-12-31T23:59:59Z ",
        "2025-1-31T23:59:59Z",
        "\u0662025-12-31T23:59:59Z",
    ),
    *(
        "2025-12-31T23:59:59." + "4" * 4400 + "Z",
        "2025-12-31T23:59:59.0005Z",
        "2025-12-31T23:59:59.0015Z",
    ),
    *(
        "2025-12-31T23:59:59ZZ",
        "2025-12-31T23:59:59+00:00Z",
        "2025-12-31T23:59:59\x00",
        "1767225599",
    ),
)
ENTITIES = (
    *("a", "c00017", "Zoë", "with space", "", "x" * MAX_ENTITY_BYTES, "x" * (MAX_ENTITY_BYTES + 1)),
    *(
        "ë" * (MAX_ENTITY_BYTES // 2),
        "ë" * (MAX_ENTITY_BYTES // 2 + 1),
        'q"q',
        "b\\c",
        "\x7f",
        "\x00",
    ),
    *("a/b", "客户", "😀", "\u2028", "=1+1", "type"),
)


def _nested(levels: int, opening: str = "[") -> str:
    if opening == "[":
        return "[" * levels + "]" * levels
    return '{"a":' * (levels - 1) + "{}" + "}" * (levels - 1)


# Members that no schema has; the event is one level of nesting already.
IGNORED = (
    *(
        '"note":1',
        '"x":{"type":3}',
        '"x":[1,2,{"a":[null,true,false]}]',
        '"x":"é"',
        '"":0',
        '"x":-0',
    ),
    *('"x":1e999', '"x":NaN', '"x":[NaN]', '"x":{"y":-Infinity}', '"x":01', '"x":tru', '"x":[1,]'),
    *('"x":{"a":1,"a":2}', '"x":{"a":1,"\\u0061":2}', '"x":[{"b":1},{"b":1}]', '"x":{"a":{"a":1}}'),
    *('"x":"\\ud800"', '"x":"\\udc00\\ud800"', '"x":"\\ud83d\\ude00"', '"\\ud800":1', '"x":"\\q"'),
    *('"x":"\\u12g4"', '"x":"\t"', '"x":"\\t"', '"x":"\x7f"', '"x":"\\/"', '"x":"\\u0000"'),
    *('"x":"\\uD83D\\uDE00"', '"x":"\\ud83d\\u0041"', '"x":"\\u00e9"', '"\\u0000":0', '"x":"\\"'),
    *(f'"x":{"9" * 4301}', f'"x":[-{"1" * 5000}]', f'"x":1.{"0" * 5000}1', f'"x":1e{"9" * 4400}'),
    *(f'"x":{_nested(levels)}' for levels in (1, 2, MAX_NESTING - 2, MAX_NESTING - 1, MAX_NESTING)),
    *(f'"x":{_nested(levels, "{")}' for levels in (MAX_NESTING - 1, MAX_NESTING, MAX_NESTING + 1)),
    *(
        f'"x":{"[" * 5000}',
        f'"x":{"[" * MAX_NESTING}1[',
        f'"x":[{"[]," * 3000}1]',
        '"x":[}',
        '"x":{]',
    ),
    *(f'"x":[1{"[" * 200}', f'"x":"\\q{"[" * 200}', f'"x":"{"[" * 200}"', f'"x":"\\"{"{" * 200}"'),
    *(f'"x":tru{"[" * 200}', f'"x":"\n"{_nested(200)}', f'"x":"\\ud800",{_nested(200)}', '"x" :1'),
    *(
        '"x":',
        ":1",
        '"x"',
        "1:2",
        "",
        "{}",
        '"x":1 2',
        '"x":"a"b"',
        '"x":/*no*/1',
        "'x':1",
        '"x":\u00a01',
    ),
    *(
        ",".join(f'"k{key}":{key}' for key in range(40)),
        '"k1":1,"k2":2,"k1":3',
        '"k1":1,"k\\u0031":2',
    ),
)
_BYTES = (
    *(
        b"",
        b"x",
        b'"',
        b"}",
        b"{",
        b"]",
        b"[",
        b",",
        b":",
        b" ",
        b"\n",
        b"\x00",
        b"\\",
        b"\xc3\xa9",
    ),
    *(
        b"\xff",
        b"\xc3",
        b"\xed\xa0\x80",
        b"\xc0\xaf",
        b"\xf4\x90\x80\x80",
        b"\xef\xbb\xbf",
        b"\xe2\x80",
    ),
    *(b"0", b"9", b"-", b".", b"e", b"\\u", b"\\u0041", b"null", b"\x80", b"\x1f"),
)

Members = list[tuple[str, str]]


class Mutator:
    """Draws records for one schema."""

    def __init__(self, schema: EventSchema, seed: int) -> None:
        self._schema = schema
        self._pick = random.Random(seed)
        self._is_plain = True

    def record(self) -> KeyAndValue:
        """Key and value of the next record."""
        pick = self._pick
        # Most producers have one spelling for everything.
        self._is_plain = pick.random() < 0.7
        entity = f"c{pick.randint(0, 99_999)}" if pick.random() < 0.8 else pick.choice(ENTITIES)
        event_type = pick.choice(self._schema.types)
        members = self._members(event_type, entity)
        while pick.random() < 0.3:
            self._mutate(members)
        raw = self._joined(members)
        while pick.random() < 0.1:
            raw = self._damaged(raw)
        if pick.random() < 0.003:
            raw += b" " * MAX_EVENT_BYTES
        key: bytes | None = entity.encode()
        if pick.random() < 0.04:
            key = pick.choice([None, b"", b"b", b"\xff", entity.encode() + b" ", b"c1"])
        return key, raw if pick.random() < 0.995 else None

    def _members(self, event_type: EventType, entity: str) -> Members:
        """A valid event, as the JSON of its keys and values, but for odd ids."""
        pick = self._pick
        members = [
            (self._key(TYPE_FIELD), self._text(event_type.name)),
            (self._key(self._schema.entity_field), self._text(entity)),
            (self._key(TIME_FIELD), self._text(self._time())),
        ]
        for field in event_type.fields:
            if field.required or pick.random() < 0.5:
                members.append((self._key(field.name), self._value(field)))
        if pick.random() < 0.2:
            pick.shuffle(members)
        return members

    def _key(self, name: str) -> str:
        is_odd = not self._is_plain and self._pick.random() < 0.1
        return self._text(name) if is_odd else json.dumps(name, ensure_ascii=False)

    def _text(self, text: str) -> str:
        """The JSON of a text in one of its spellings."""
        chance = self._pick.random()
        if self._is_plain or chance < 0.85:
            return json.dumps(text, ensure_ascii=False)
        if chance < 0.95:
            return json.dumps(text).replace("/", "\\/")
        return '"' + "".join(self._letter(letter) for letter in text) + '"'

    def _letter(self, letter: str) -> str:
        if self._pick.random() < 0.5:
            return json.dumps(letter, ensure_ascii=False)[1:-1]
        units = letter.encode("utf-16-be")
        pairs = (units[at : at + 2].hex() for at in range(0, len(units), 2))
        return "".join(
            f"\\u{pair.upper() if self._pick.random() < 0.5 else pair}" for pair in pairs
        )

    def _time(self) -> str:
        pick = self._pick
        if pick.random() < 0.05:
            return pick.choice(TIMES)
        moment = datetime.fromtimestamp(pick.randint(0, ARRIVAL_MS) / 1000, UTC)
        precision = pick.choice(["milliseconds", "milliseconds", "seconds", "microseconds"])
        text = moment.isoformat(timespec=precision)
        if self._is_plain:
            return text.replace("+00:00", pick.choice(["Z", "Z", "+00:00", "+02:00"]))
        zone = pick.choice(["Z", "Z", "Z", "+00:00", "z", "-00:00", "+0200", "-11:30", "+14:00"])
        separator = pick.choice(["T", "T", "T", "t", " "])
        text = text.replace("+00:00", zone).replace("T", separator)
        return text if pick.random() < 0.97 else self._edited(text)

    def _edited(self, text: str) -> str:
        at = self._pick.randrange(len(text) + 1)
        return (
            text[:at] + self._pick.choice("0159:.-+TtZz ") + text[at + self._pick.randint(0, 1) :]
        )

    def _value(self, field: Field) -> str:
        if isinstance(field, Category):
            return self._text(self._pick.choice(field.values))
        if isinstance(field, Attachment):
            return self._text("sha256:" + "0" * 64)
        return self._number(field)

    def _number(self, field: Number) -> str:
        """A number, mostly within the range, in one of many spellings."""
        pick = self._pick
        low, high = max(field.minimum, -1e300), min(field.maximum, 1e300)
        chance = pick.random()
        if chance < 0.05:
            return pick.choice(NUMBERS)
        if chance < 0.15:
            return repr(pick.choice([low, high, low - 1, high + 1, 0, 1]))
        if field.integer:
            width = pick.choice([9, 100, 10**6, 2**53, 2**64, 2**90])
            whole = pick.randint(max(int(low), -width), min(int(high), width))
            spellings = [str(whole)] * 8 + [
                f"{whole}.0",
                f"{whole}e0",
                f"{whole}0e-1",
                f"{whole}.5",
            ]
            return pick.choice(spellings)
        real = pick.uniform(low, high) * pick.choice([1, 1, 0.5, 1e-3, 1e-9])
        digits = pick.randint(10**15, 10**21)
        spellings = [
            *(
                repr(real),
                repr(round(real, 2)),
                str(round(real, pick.randint(0, 6))),
                f"{real:.20e}",
            ),
            *(f"{real:.3E}", f"{real:.25f}", f"{pick.randint(0, 9)}.{digits}", f"0.{digits}"),
            # Halfway between two floats rounding is hardest.
            f"{(pick.randint(2**52, 2**53) * 2 + 1)}e-{pick.randint(0, 20)}",
            f"{digits}e{pick.randint(-60, 40)}",
        ]
        return pick.choice(spellings)

    def _mutate(self, members: Members) -> None:
        """Change one thing; often the event is none afterwards."""
        pick = self._pick
        what, at = pick.randrange(10), pick.randrange(len(members)) if members else 0
        place = pick.randrange(len(members) + 1)
        if what <= 2 or not members:
            members.insert(place, (pick.choice(IGNORED), ""))
        elif what == 3:
            del members[at]
        elif what == 4:
            key, value = members[at]
            again = pick.choice([value, "1", "null", '"x"'])
            members.insert(place, (self._respelt(key), again))
        elif what == 5:
            key, value = members[at]
            members[at] = (pick.choice([key.upper(), key.title(), key[1:]]), value)
        elif what == 6:
            members[at] = (members[at][0], pick.choice(NUMBERS))
        elif what == 7:
            members[at] = (members[at][0], pick.choice(SCALARS))
        elif what == 8:
            members[at] = (members[at][0], self._text(pick.choice([*TIMES, *ENTITIES])))
        else:
            other = pick.choice(self._schema.types)
            members[at] = (members[at][0], self._text(other.name))

    def _respelt(self, key: str) -> str:
        """The key as another spelling of the same text, where it is one."""
        try:
            return self._text(json.loads(key))
        except ValueError:
            return key

    def _joined(self, members: Members) -> bytes:
        pick = self._pick
        comma, colon = ",", ":"
        if pick.random() < 0.15:
            comma, colon = pick.choice([(", ", ": "), (" ,\n", "\t:\r\n"), (",  ", " :")])
        parts = [key + (colon + value if value else "") for key, value in members]
        text = "{" + comma.join(parts) + "}"
        if pick.random() < 0.03:
            text = pick.choice(
                [f" {text}\n", f"[{text}]", f"{text}{text}", f"\ufeff{text}", "1", "[]"]
            )
        return text.encode("utf-8", "surrogatepass")

    def _damaged(self, raw: bytes) -> bytes:
        """The bytes with one place changed, cut or repeated."""
        pick = self._pick
        at = pick.randrange(len(raw) + 1)
        until = at + pick.choice([0, 1, 1, 2, 5, 20])
        how = pick.randrange(5)
        if how == 0:
            return raw[:at]
        if how == 1:
            return raw[:at] + raw[at:until] * 2 + raw[until:]
        if how == 2 and at < len(raw):
            return raw[:at] + bytes([raw[at] ^ 1 << pick.randrange(8)]) + raw[at + 1 :]
        return raw[:at] + pick.choice(_BYTES) + raw[until:]
