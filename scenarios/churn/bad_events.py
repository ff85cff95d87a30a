"""Events made to be refused, one kind after the other: what a careless producer sends."""

from collections.abc import Callable, Mapping
from datetime import timedelta

import msgspec

from features import reasons
from scenarios.churn.records import EVENTS, Record
from scenarios.churn.times import iso_time, time_of

_DEPTH = 20_000
_FUTURE = timedelta(days=3_650)

Event = Mapping[str, object]
KeyAndValue = tuple[bytes | None, bytes | None]


def bad_record(good: Event, *, key: str, reason: str) -> Record:
    """`good` spoilt so that it is refused for `reason`, one of `BAD_KINDS`."""
    spoilt_key, spoilt = _SPOIL[reason](good, key)
    return Record(topic_kind=EVENTS, kind=reason, key=spoilt_key, value=spoilt, is_bad=True)


def too_large_record(good: Event, *, key: str, event_bytes: int) -> Record:
    """`good` with a remark that makes it exactly `event_bytes` long (at least its own length)."""
    unpadded = msgspec.json.encode({**good, "remark": ""})
    value = msgspec.json.encode({**good, "remark": "x" * max(0, event_bytes - len(unpadded))})
    return Record(
        topic_kind=EVENTS, kind=reasons.TOO_LARGE, key=key.encode(), value=value, is_bad=True
    )


def _encoded(event: Event, key: str) -> KeyAndValue:
    return key.encode(), msgspec.json.encode(event)


def _malformed(good: Event, key: str) -> KeyAndValue:
    return key.encode(), msgspec.json.encode(good)[:-1]


def _without_a_field(good: Event, key: str) -> KeyAndValue:
    return _encoded({name: value for name, value in good.items() if name != "event_time"}, key)


def _wrong_type(good: Event, key: str) -> KeyAndValue:
    return _encoded(_charge(good) | {"monthly_charge_usd": "70.35"}, key)


def _out_of_range(good: Event, key: str) -> KeyAndValue:
    return _encoded(_charge(good) | {"monthly_charge_usd": -70.35}, key)


def _not_finite(good: Event, key: str) -> KeyAndValue:
    encoded = msgspec.json.encode(_charge(good) | {"monthly_charge_usd": 0})
    return key.encode(), encoded.replace(b'"monthly_charge_usd":0', b'"monthly_charge_usd":NaN')


def _unknown_type(good: Event, key: str) -> KeyAndValue:
    return _encoded({**good, "type": "roaming_charge"}, key)


def _key_mismatch(good: Event, key: str) -> KeyAndValue:
    return f"{key}-of-another-customer".encode(), msgspec.json.encode(good)


def _future(good: Event, key: str) -> KeyAndValue:
    later = time_of(str(good["event_time"])) + _FUTURE
    return _encoded({**good, "event_time": iso_time(later)}, key)


def _duplicate_key(good: Event, key: str) -> KeyAndValue:
    encoded = msgspec.json.encode(good)
    return key.encode(), encoded[:-1] + b',"type":"profile"}'


def _not_utf8(good: Event, key: str) -> KeyAndValue:
    encoded = msgspec.json.encode({**good, "remark": "Koln"})
    return key.encode(), encoded.replace(b"Koln", b"K\xf6ln")


def _too_deep(good: Event, key: str) -> KeyAndValue:
    deep = b"[" * _DEPTH + b"]" * _DEPTH
    return key.encode(), msgspec.json.encode(good)[:-1] + b',"remark":' + deep + b"}"


def _charge(good: Event) -> dict[str, object]:
    envelope = {name: good[name] for name in ("customer_id", "event_time")}
    return {"type": "monthly_charge", **envelope, "monthly_charge_usd": 70.35}


_SPOIL: Mapping[str, Callable[[Event, str], KeyAndValue]] = {
    reasons.MALFORMED_JSON: _malformed,
    reasons.MISSING_FIELD: _without_a_field,
    reasons.WRONG_TYPE: _wrong_type,
    reasons.OUT_OF_RANGE: _out_of_range,
    reasons.UNKNOWN_EVENT_TYPE: _unknown_type,
    reasons.KEY_MISMATCH: _key_mismatch,
    reasons.FUTURE_EVENT: _future,
    reasons.DUPLICATE_KEY: _duplicate_key,
    reasons.NULL_VALUE: lambda good, key: (key.encode(), None),
    reasons.NULL_KEY: lambda good, key: (None, msgspec.json.encode(good)),
    reasons.NOT_UTF8: _not_utf8,
    reasons.NOT_FINITE: _not_finite,
    reasons.TOO_DEEP: _too_deep,
    reasons.NOT_AN_OBJECT: lambda good, key: (key.encode(), b"[1, 2, 3]"),
}
# `too_large` depends on the job's limit, see `too_large_record`.
BAD_KINDS = tuple(_SPOIL)
