"""Kinds of hostile records, each with the disposition that it must have."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import Enum

import msgspec

from features.events import reasons
from proofs.hostile.machines import ENTITY_FIELD, UNJUDGED_TEMPERATURE_C

Event = Mapping[str, object]
KeyAndValue = tuple[bytes | None, bytes | None]

# Dispositions that are no reason code of a dead letter.
SCORED, UNREADABLE = "prediction", "no record to read"

_MEGABYTE = 1_000_000
_HEAVY_SECONDS, _TRANSACTION_SECONDS = 20.0, 0.25


class Route(Enum):
    """How a record reaches the topic."""

    HOME = "to the key's partition"
    FOREIGN = "to another partition than the key's"
    OTHER_PARTITIONER = "by librdkafka's default partitioner, CRC-32"
    COMMITTED = "in a transaction that is committed"
    ABORTED = "in a transaction that is aborted"
    COMPRESSED = "alone in a batch compressed with zstd"


@dataclass(frozen=True, kw_only=True)
class Kind:
    """One kind of harmful record.

    disposition  `SCORED`, `UNREADABLE`, or the reason code of a dead letter
    record       key and value, from a good event
    every_seconds  between two of them, for what takes long to send or to read; 0: in turn with
                 all others
    """

    name: str
    disposition: str
    record: Callable[[Event], KeyAndValue]
    route: Route = Route.HOME
    every_seconds: float = 0.0


def key_of(event: Event) -> bytes:
    """The key under which `event` belongs."""
    return str(event[ENTITY_FIELD]).encode()


def encoded(event: Event) -> KeyAndValue:
    """`event` as a good record."""
    return key_of(event), msgspec.json.encode(event)


def _with(**changes: object) -> Callable[[Event], KeyAndValue]:
    return lambda event: encoded({**event, **changes})


def _without(field: str) -> Callable[[Event], KeyAndValue]:
    return lambda event: encoded({name: value for name, value in event.items() if name != field})


def _replaced(old: bytes, new: bytes) -> Callable[[Event], KeyAndValue]:
    def record(event: Event) -> KeyAndValue:
        key, value = encoded({**event, "temperature_c": 20.5, "mode": "normal"})
        assert value is not None
        assert old in value
        return key, value.replace(old, new, 1)

    return record


def _temperature(text: bytes) -> Callable[[Event], KeyAndValue]:
    # With the field's name: the time of an event may hold the same digits.
    return _replaced(b'"temperature_c":20.5', b'"temperature_c":' + text)


def _appended(text: bytes) -> Callable[[Event], KeyAndValue]:
    """With further members at the end of the object."""
    return lambda event: (key_of(event), msgspec.json.encode(event)[:-1] + b"," + text + b"}")


def _raw(value: bytes | None) -> Callable[[Event], KeyAndValue]:
    return lambda event: (key_of(event), value)


def _keyed(key: bytes | None) -> Callable[[Event], KeyAndValue]:
    return lambda event: (key, msgspec.json.encode(event))


def _named(machine: str) -> Callable[[Event], KeyAndValue]:
    return _with(**{ENTITY_FIELD: machine})


def _padded(size: int) -> Callable[[Event], KeyAndValue]:
    return _appended(b'"padding":"' + bytes(size).replace(b"\0", b"0") + b'"')


def _time(text: str) -> Callable[[Event], KeyAndValue]:
    return _with(event_time=text)


def _many_keys(count: int, *, last: bytes = b"") -> Callable[[Event], KeyAndValue]:
    members = b",".join(b'"k%d":%d' % (number, number) for number in range(count))
    return _appended(members + last)


def _in_years(years: int) -> str:
    return (datetime.now(UTC) + timedelta(days=365 * years)).isoformat()


KINDS: Sequence[Kind] = (
    # Records
    Kind(name="null key", disposition=reasons.NULL_KEY, record=_keyed(None)),
    Kind(name="tombstone", disposition=reasons.NULL_VALUE, record=_raw(None)),
    Kind(name="no bytes", disposition=reasons.MALFORMED_JSON, record=_raw(b"")),
    Kind(name="key of another", disposition=reasons.KEY_MISMATCH, record=_keyed(b"another")),
    Kind(name="key not UTF-8", disposition=reasons.KEY_MISMATCH, record=_keyed(b"\xff\xfe")),
    Kind(
        name="foreign partition",
        disposition=reasons.WRONG_PARTITION,
        record=encoded,
        route=Route.FOREIGN,
    ),
    Kind(
        name="CRC-32 partitioner",
        disposition=reasons.WRONG_PARTITION,  # where CRC-32 and murmur2 disagree, else it is scored
        record=encoded,
        route=Route.OTHER_PARTITIONER,
    ),
    Kind(
        name="committed transaction",
        disposition=SCORED,
        record=encoded,
        route=Route.COMMITTED,
        every_seconds=_TRANSACTION_SECONDS,
    ),
    Kind(
        name="aborted transaction",
        disposition=UNREADABLE,
        record=encoded,
        route=Route.ABORTED,
        every_seconds=_TRANSACTION_SECONDS,
    ),
    # JSON
    Kind(name="cut off", disposition=reasons.MALFORMED_JSON, record=_replaced(b"}", b"")),
    Kind(name="no JSON", disposition=reasons.MALFORMED_JSON, record=_raw(b"it is 20 degrees")),
    Kind(name="trailing text", disposition=reasons.MALFORMED_JSON, record=_replaced(b"}", b"} x")),
    Kind(
        name="byte order mark",
        disposition=reasons.MALFORMED_JSON,
        record=_replaced(b"{", b"\xef\xbb\xbf{"),
    ),
    Kind(
        name="control character",
        disposition=reasons.MALFORMED_JSON,
        record=_appended(b'"note":"a\nb"'),
    ),
    Kind(
        name="half a surrogate pair",
        disposition=reasons.MALFORMED_JSON,
        record=lambda event: (
            key_of(event),
            msgspec.json.encode({**event, ENTITY_FIELD: "@"}).replace(b"@", b"\\ud800"),
        ),
    ),
    Kind(name="list", disposition=reasons.NOT_AN_OBJECT, record=_raw(b"[1, 2, 3]")),
    Kind(name="number", disposition=reasons.NOT_AN_OBJECT, record=_raw(b"42")),
    Kind(name="string", disposition=reasons.NOT_AN_OBJECT, record=_raw(b'"reading"')),
    Kind(name="key twice", disposition=reasons.DUPLICATE_KEY, record=_appended(b'"mode":"idle"')),
    Kind(
        name="ignored key twice",
        disposition=reasons.DUPLICATE_KEY,
        record=_appended(b'"x":1,"x":1'),
    ),
    Kind(
        name="deep nesting",
        disposition=reasons.TOO_DEEP,
        record=_appended(b'"x":' + b"[" * 5_000 + b"]" * 5_000),
    ),
    Kind(name="not UTF-8", disposition=reasons.NOT_UTF8, record=_replaced(b"normal", b"n\xffrmal")),
    Kind(
        name="ignored field not UTF-8",
        disposition=reasons.NOT_UTF8,
        record=_appended(b'"note":"K\xf6ln"'),
    ),
    Kind(name="hundreds of unknown keys", disposition=SCORED, record=_many_keys(300)),
    Kind(
        name="hundreds of unknown keys, one twice",
        disposition=reasons.DUPLICATE_KEY,
        record=_many_keys(300, last=b',"k7":0'),
    ),
    Kind(
        name="escaped text",
        disposition=SCORED,
        record=_replaced(b"normal", b"n\\u006frmal"),
    ),
    Kind(name="spaces and line ends", disposition=SCORED, record=_replaced(b"{", b"\r\n\t { ")),
    # Types and fields
    Kind(
        name="unknown type", disposition=reasons.UNKNOWN_EVENT_TYPE, record=_with(type="explosion")
    ),
    Kind(
        name="type that is a number",
        disposition=reasons.UNKNOWN_EVENT_TYPE,
        record=_with(type=7),
    ),
    Kind(name="no type", disposition=reasons.MISSING_FIELD, record=_without("type")),
    Kind(name="no time", disposition=reasons.MISSING_FIELD, record=_without("event_time")),
    Kind(name="no number", disposition=reasons.MISSING_FIELD, record=_without("temperature_c")),
    Kind(name="unknown category", disposition=reasons.OUT_OF_RANGE, record=_with(mode="turbo")),
    Kind(name="empty id", disposition=reasons.OUT_OF_RANGE, record=_named("")),
    Kind(name="id too long", disposition=reasons.OUT_OF_RANGE, record=_named("m" * 513)),
    # Numbers
    Kind(name="number as text", disposition=reasons.WRONG_TYPE, record=_temperature(b'"20.5"')),
    Kind(name="null number", disposition=reasons.WRONG_TYPE, record=_temperature(b"null")),
    Kind(name="true as number", disposition=reasons.WRONG_TYPE, record=_temperature(b"true")),
    Kind(name="NaN", disposition=reasons.NOT_FINITE, record=_temperature(b"NaN")),
    Kind(name="Infinity", disposition=reasons.NOT_FINITE, record=_temperature(b"Infinity")),
    Kind(name="beyond every float", disposition=reasons.NOT_FINITE, record=_temperature(b"1e999")),
    Kind(name="out of range", disposition=reasons.OUT_OF_RANGE, record=_temperature(b"300.5")),
    Kind(
        name="2^63 as a float",
        disposition=reasons.OUT_OF_RANGE,
        record=_temperature(b"9223372036854775808.0"),
    ),
    Kind(name="twenty digits", disposition=SCORED, record=_temperature(b"1.8446744073709551616")),
    Kind(name="minus zero", disposition=SCORED, record=_temperature(b"-0.0")),
    Kind(name="leading zero", disposition=reasons.MALFORMED_JSON, record=_temperature(b"020.5")),
    Kind(name="plus sign", disposition=reasons.MALFORMED_JSON, record=_temperature(b"+20.5")),
    Kind(
        name="4,301 digits in an ignored field",
        disposition=SCORED,
        record=_appended(b'"x":' + b"1" * 4_301),
    ),
    Kind(
        name="fraction for a whole number",
        disposition=reasons.WRONG_TYPE,
        record=_with(type="repair", parts=2.5),
    ),
    # Times
    Kind(
        name="time without a zone",
        disposition=reasons.WRONG_TYPE,
        record=_time("2026-01-31T12:00:00"),
    ),
    Kind(
        name="30th of February",
        disposition=reasons.WRONG_TYPE,
        record=_time("2026-02-30T12:00:00Z"),
    ),
    Kind(
        name="before 1970", disposition=reasons.OUT_OF_RANGE, record=_time("1926-01-31T12:00:00Z")
    ),
    Kind(
        name="far in the future",
        disposition=reasons.FUTURE_EVENT,
        record=lambda event: encoded({**event, "event_time": _in_years(10)}),
    ),
    # Rows that cannot be judged
    Kind(
        name="reading that the policy cannot judge",
        disposition=reasons.UNSCORABLE,
        record=_with(type="reading", temperature_c=UNJUDGED_TEMPERATURE_C, mode="normal"),
    ),
    # Bytes
    Kind(
        name="1.2 MB",
        disposition=reasons.TOO_LARGE,
        record=_padded(1_200_000),
        every_seconds=_HEAVY_SECONDS,
    ),
    Kind(
        name="12 MB",
        disposition=reasons.TOO_LARGE,
        record=_padded(12 * _MEGABYTE),
        every_seconds=_HEAVY_SECONDS,
    ),
    Kind(
        name="40,000 unknown keys, one twice",
        disposition=reasons.DUPLICATE_KEY,
        record=_many_keys(40_000, last=b',"k7":0'),
        every_seconds=_HEAVY_SECONDS,
    ),
    Kind(
        name="deep nesting of 900 KB",
        disposition=reasons.TOO_DEEP,
        record=_appended(b'"x":' + b"[" * 450_000 + b"]" * 450_000),
        every_seconds=_HEAVY_SECONDS,
    ),
    Kind(
        name="15 MB of zeros in a small zstd batch",
        disposition=reasons.TOO_LARGE,
        record=_raw(bytes(15 * _MEGABYTE)),
        route=Route.COMPRESSED,
        every_seconds=_HEAVY_SECONDS,
    ),
    Kind(
        name="100 MB of zeros in a small zstd batch",
        disposition=reasons.TOO_LARGE,
        record=_raw(bytes(100 * _MEGABYTE)),
        route=Route.COMPRESSED,
        every_seconds=_HEAVY_SECONDS,
    ),
)
