"""What an event costs is in proportion to its bytes, whatever shape a producer gives it."""

import time
from collections.abc import Callable

import numpy as np
import pytest

from features.events import reasons
from features.events.decode import EventDecoder, Events, Records
from scenarios.fraud.events import SCHEMA

BYTES = 1 << 18
ARRIVAL_MS = 1_767_225_600_000
# Fifty times what the most expensive shape costs on a quiet machine; a reader that compares each
# key with every other needs a minute.
MOST_SECONDS = 5.0
EVENT = (
    b'{"type":"payment","customer_id":"a","event_time":"2025-12-31T23:59:59.123Z",'
    b'"payment_id":1,"terminal_id":2,"amount_usd":3.5}'
)


def wide(count: int) -> bytes:
    return b",".join(b'"k%06d":1' % key for key in range(count))


def beside(member: bytes) -> bytes:
    return EVENT[:-1] + b"," + member + b"}"


def instead(old: bytes, new: bytes) -> bytes:
    return EVENT.replace(old, new)


# Shape → a function that builds it of about n bytes, and why it is refused (None: it is not).
SHAPES: dict[str, tuple[Callable[[int], bytes], str | None]] = {
    "unknown keys": (lambda n: beside(wide(n // 12)), None),
    "unknown keys, the first again": (
        lambda n: beside(wide(n // 12) + b',"k000000":1'),
        reasons.DUPLICATE_KEY,
    ),
    "unknown keys, the last again": (
        lambda n: beside(wide(n // 12) + b',"k%06d":1' % (n // 12 - 1)),
        reasons.DUPLICATE_KEY,
    ),
    "one key all the time": (lambda n: beside(b",".join([b'"k":1'] * (n // 6))), "duplicate_key"),
    "empty keys": (lambda n: beside(b",".join([b'"":0'] * (n // 5))), reasons.DUPLICATE_KEY),
    "escaped keys": (
        lambda n: beside(b",".join(b'"\\u006b%06d":1' % key for key in range(n // 18))),
        None,
    ),
    "keys of a nested object": (lambda n: beside(b'"x":{' + wide(n // 12) + b"}"), None),
    "many small objects": (lambda n: beside(b'"x":[' + b'{"a":1},' * (n // 8) + b"0]"), None),
    "long keys": (
        lambda n: beside(b'"' + b"k" * (n // 2) + b'":1,"' + b"k" * (n // 2) + b'x":1'),
        None,
    ),
    "deep lists": (lambda n: beside(b'"x":' + b"[" * n), reasons.TOO_DEEP),
    "deep objects": (lambda n: beside(b'"x":' + b'{"a":' * (n // 5)), reasons.TOO_DEEP),
    "lists of lists": (lambda n: beside(b'"x":[' + b"[[[]]]," * (n // 7) + b"0]"), None),
    "only closing brackets": (lambda n: EVENT + b"}" * n, reasons.MALFORMED_JSON),
    "a long string": (lambda n: beside(b'"x":"' + b"y" * n + b'"'), None),
    "a string without an end": (lambda n: beside(b'"x":"' + b"y" * n), reasons.MALFORMED_JSON),
    "a string of escapes": (lambda n: beside(b'"x":"' + b"\\u0041" * (n // 6) + b'"'), None),
    "a string of backslashes": (lambda n: beside(b'"x":"' + b"\\\\" * (n // 2) + b'"'), None),
    "surrogate pairs": (lambda n: beside(b'"x":"' + b"\\ud83d\\ude00" * (n // 12) + b'"'), None),
    "an escaped id": (
        lambda n: instead(b'"a"', b'"' + b"\\u0041" * (n // 6) + b'"'),
        "out_of_range",
    ),
    "an escaped type": (
        lambda n: instead(b'"payment"', b'"' + b"\\u0041" * (n // 6) + b'"'),
        reasons.UNKNOWN_EVENT_TYPE,
    ),
    "a long whole number": (lambda n: instead(b'id":1', b'id":' + b"9" * n), reasons.NOT_FINITE),
    "a long ignored number": (lambda n: beside(b'"x":' + b"9" * n), None),
    "a long fraction": (lambda n: instead(b"3.5", b"3." + b"1" * n), None),
    "halfway between two floats": (
        lambda n: instead(
            b"3.5", b"0.50000000000000005551115123125782702118158340454101562" + b"0" * n + b"1"
        ),
        None,
    ),
    "a long zero": (lambda n: instead(b"3.5", b"0." + b"0" * n), None),
    "a whole fraction": (lambda n: instead(b'id":1', b'id":1.' + b"0" * n), None),
    "a long exponent": (lambda n: instead(b"3.5", b"1e" + b"9" * n), reasons.NOT_FINITE),
    "a long exponent below": (lambda n: instead(b'id":1', b'id":1e-' + b"9" * n), "wrong_type"),
    "zeros and an exponent": (
        lambda n: instead(b"3.5", b"0." + b"0" * n + b"1e%d" % (n + 1)),
        None,
    ),
    "a long time": (lambda n: instead(b".123Z", b"." + b"4" * n + b"Z"), None),
    "an endless time": (lambda n: instead(b".123Z", b"." + b"4" * n), reasons.WRONG_TYPE),
    "blanks": (lambda n: b" \n\r\t" * (n // 4) + EVENT, None),
    "spaces": (lambda n: EVENT[:-1] + b" " * n + b"}", None),
    "bad UTF-8 at the end": (lambda n: beside(b'"x":"' + b"y" * n + b'\xff"'), reasons.NOT_UTF8),
    "letters of four bytes": (
        lambda n: beside(b'"x":"' + b"\xf0\x9f\x98\x80" * (n // 4) + b'"'),
        None,
    ),
    "a fault at the end": (lambda n: beside(wide(n // 12) + b',"x":'), reasons.MALFORMED_JSON),
    "one event after the other": (lambda n: EVENT * (n // len(EVENT)), reasons.MALFORMED_JSON),
}


def decoded(raw: bytes) -> tuple[Events, float]:
    """The event, and the CPU seconds that it cost."""
    decoder = EventDecoder(SCHEMA, max_event_bytes=2 * BYTES, max_future_skew_seconds=300)
    records = Records([b"a"], [raw], np.arange(1), np.full(1, ARRIVAL_MS))
    began = time.process_time()
    events = decoder.decode(records)
    return events, time.process_time() - began


@pytest.mark.parametrize("name", SHAPES)
def test_an_event_costs_in_proportion_to_its_bytes(name: str) -> None:
    make, code = SHAPES[name]
    events, seconds = decoded(make(BYTES))
    assert [refusal.code for refusal in events.refusals] == ([code] if code else [])
    assert seconds < MOST_SECONDS


@pytest.mark.parametrize("name", SHAPES)
def test_what_is_said_of_a_refused_event_is_short_and_on_one_line(name: str) -> None:
    for refusal in decoded(SHAPES[name][0](BYTES // 16))[0].refusals:
        assert len(refusal.sentence) < 400
        assert refusal.sentence.replace("…", "").isascii()
        assert refusal.sentence.isprintable()
