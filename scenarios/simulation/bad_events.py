"""Events made to be refused, one kind after the other: what a careless producer sends."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta

import msgspec

from features.events import reasons
from scenarios.simulation.records import EVENTS, Record
from scenarios.simulation.times import iso_time, time_of

_DEPTH = 20_000
_FUTURE = timedelta(days=3_650)
_ENOUGH_BELOW_ZERO = -70.35

Event = Mapping[str, object]
KeyAndValue = tuple[bytes | None, bytes | None]

# `too_large` depends on the job's limit, see `too_large_record`.
BAD_KINDS = (
    reasons.MALFORMED_JSON,
    reasons.MISSING_FIELD,
    reasons.WRONG_TYPE,
    reasons.OUT_OF_RANGE,
    reasons.UNKNOWN_EVENT_TYPE,
    reasons.KEY_MISMATCH,
    reasons.FUTURE_EVENT,
    reasons.DUPLICATE_KEY,
    reasons.NULL_VALUE,
    reasons.NULL_KEY,
    reasons.NOT_UTF8,
    reasons.NOT_FINITE,
    reasons.TOO_DEEP,
    reasons.NOT_AN_OBJECT,
)


def too_large_record(good: Event, *, key: str, event_bytes: int) -> Record:
    """`good` with a remark that makes it exactly `event_bytes` long (at least its own length)."""
    unpadded = msgspec.json.encode({**good, "remark": ""})
    value = msgspec.json.encode({**good, "remark": "x" * max(0, event_bytes - len(unpadded))})
    return Record(
        topic_kind=EVENTS, kind=reasons.TOO_LARGE, key=key.encode(), value=value, is_bad=True
    )


@dataclass(frozen=True, kw_only=True)
class Spoiler:
    """Spoils good events.

    measured      gives a good event with the number field `number_field`, from any good event;
                  the field's range must begin at 0
    below_zero    what it is spoilt by, a whole number where the field takes no other
    """

    number_field: str
    measured: Callable[[Event], Event]
    below_zero: float = _ENOUGH_BELOW_ZERO

    def bad_record(self, good: Event, *, key: str, reason: str) -> Record:
        """`good` spoilt so that it is refused for `reason`, one of `BAD_KINDS`."""
        spoilt_key, spoilt = self._spoilt(good, key, reason)
        return Record(topic_kind=EVENTS, kind=reason, key=spoilt_key, value=spoilt, is_bad=True)

    def _spoilt(self, good: Event, key: str, reason: str) -> KeyAndValue:
        if reason in _SPOIL:
            return _SPOIL[reason](good, key)
        measured = dict(self.measured(good))
        if reason == reasons.WRONG_TYPE:
            return _encoded(measured | {self.number_field: "70.35"}, key)
        if reason == reasons.OUT_OF_RANGE:
            return _encoded(measured | {self.number_field: self.below_zero}, key)
        field = f'"{self.number_field}":'.encode()
        encoded = msgspec.json.encode(measured | {self.number_field: 0})
        return key.encode(), encoded.replace(field + b"0", field + b"NaN")


def _encoded(event: Event, key: str) -> KeyAndValue:
    return key.encode(), msgspec.json.encode(event)


def _malformed(good: Event, key: str) -> KeyAndValue:
    return key.encode(), msgspec.json.encode(good)[:-1]


def _without_a_field(good: Event, key: str) -> KeyAndValue:
    return _encoded({name: value for name, value in good.items() if name != "event_time"}, key)


def _unknown_type(good: Event, key: str) -> KeyAndValue:
    return _encoded({**good, "type": "roaming_charge"}, key)


def _key_mismatch(good: Event, key: str) -> KeyAndValue:
    return f"{key}-of-another-customer".encode(), msgspec.json.encode(good)


def _future(good: Event, key: str) -> KeyAndValue:
    later = time_of(str(good["event_time"])) + _FUTURE
    return _encoded({**good, "event_time": iso_time(later)}, key)


def _duplicate_key(good: Event, key: str) -> KeyAndValue:
    return key.encode(), msgspec.json.encode(good)[:-1] + b',"type":"profile"}'


def _not_utf8(good: Event, key: str) -> KeyAndValue:
    encoded = msgspec.json.encode({**good, "remark": "Koln"})
    return key.encode(), encoded.replace(b"Koln", b"K\xf6ln")


def _too_deep(good: Event, key: str) -> KeyAndValue:
    deep = b"[" * _DEPTH + b"]" * _DEPTH
    return key.encode(), msgspec.json.encode(good)[:-1] + b',"remark":' + deep + b"}"


# The three kinds that are not here spoil a number: see `Spoiler`.
_SPOIL: Mapping[str, Callable[[Event, str], KeyAndValue]] = {
    reasons.MALFORMED_JSON: _malformed,
    reasons.MISSING_FIELD: _without_a_field,
    reasons.UNKNOWN_EVENT_TYPE: _unknown_type,
    reasons.KEY_MISMATCH: _key_mismatch,
    reasons.FUTURE_EVENT: _future,
    reasons.DUPLICATE_KEY: _duplicate_key,
    reasons.NULL_VALUE: lambda good, key: (key.encode(), None),
    reasons.NULL_KEY: lambda good, key: (None, msgspec.json.encode(good)),
    reasons.NOT_UTF8: _not_utf8,
    reasons.TOO_DEEP: _too_deep,
    reasons.NOT_AN_OBJECT: lambda good, key: (key.encode(), b"[1, 2, 3]"),
}
