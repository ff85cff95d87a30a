"""Every kind of bad event through the real stream: refused with its reason, no row changes."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager
from hashlib import sha256

import msgspec
import pytest

from features.events import reasons
from stores.hbase.predictions import reader
from tests.support.homes import home_of
from tests.support.judgement import DEAD_LETTER_BYTES, check_conservation, drained
from tests.support.lane import Lane
from tests.support.output_messages import DEAD_LETTERS, OutputMessages
from tests.support.processes import Job
from tests.support.tiny_load import Record, publish
from tests.support.tiny_model import reading
from tests.support.undisturbed import newest_cells

MACHINE = "m 1"
KEY = MACHINE.encode()
GOOD = reading(MACHINE, seconds=0, temperature_c=20.0)
STRANGE_IDS = (
    "a b",
    " ",
    "a:b::c",
    "00:looks like a row key",
    "Zürich-Größe",
    "機械-7",
    "😀",
    "é" * 256,
)
TEN_MEGABYTES = 10 * 1024 * 1024


def swapped(old: bytes, new: bytes) -> Record:
    """The good event with `old` replaced by `new`."""
    assert old in GOOD
    return KEY, GOOD.replace(old, new, 1)


BAD: Mapping[str, tuple[str, Record]] = {
    "a null key": (reasons.NULL_KEY, (None, GOOD)),
    "a tombstone": (reasons.NULL_VALUE, (KEY, None)),
    "no bytes": (reasons.MALFORMED_JSON, (KEY, b"")),
    "10 MB": (reasons.TOO_LARGE, (KEY, GOOD[:-1] + b',"x":"' + b"x" * TEN_MEGABYTES + b'"}')),
    "not UTF-8": (reasons.NOT_UTF8, swapped(b"normal", b"n\xffrmal")),
    "cut off": (reasons.MALFORMED_JSON, (KEY, GOOD[:-1])),
    "no JSON": (reasons.MALFORMED_JSON, (KEY, b"temperature is 20")),
    "half a surrogate pair": (reasons.MALFORMED_JSON, swapped(b"m 1", b"\\ud800")),
    "deep nesting": (
        reasons.TOO_DEEP,
        (KEY, GOOD[:-1] + b',"x":' + b"[" * 50_000 + b"]" * 50_000 + b"}"),
    ),
    "a list": (reasons.NOT_AN_OBJECT, (KEY, b"[" + GOOD + b"]")),
    "a key twice": (reasons.DUPLICATE_KEY, (KEY, GOOD[:-1] + b',"temperature_c":30.0}')),
    "an unknown type": (reasons.UNKNOWN_EVENT_TYPE, swapped(b'"reading"', b'"explosion"')),
    "a type that is a number": (reasons.UNKNOWN_EVENT_TYPE, swapped(b'"reading"', b"7")),
    "no type": (reasons.MISSING_FIELD, swapped(b'"type":"reading",', b"")),
    "no field": (reasons.MISSING_FIELD, swapped(b'"temperature_c":20.0,', b"")),
    "a number as a string": (reasons.WRONG_TYPE, swapped(b"20.0", b'"20.0"')),
    "null for a number": (reasons.WRONG_TYPE, swapped(b"20.0", b"null")),
    "true for a number": (reasons.WRONG_TYPE, swapped(b"20.0", b"true")),
    "a time without a zone": (reasons.WRONG_TYPE, swapped(b"+00:00", b"")),
    "NaN": (reasons.NOT_FINITE, swapped(b"20.0", b"NaN")),
    "Infinity": (reasons.NOT_FINITE, swapped(b"20.0", b"Infinity")),
    "minus infinity": (reasons.NOT_FINITE, swapped(b"20.0", b"-Infinity")),
    "a number beyond every float": (reasons.NOT_FINITE, swapped(b"20.0", b"1e999")),
    "out of range": (reasons.OUT_OF_RANGE, swapped(b"20.0", b"300.1")),
    "an unknown category": (reasons.OUT_OF_RANGE, swapped(b'"normal"', b'"turbo"')),
    "an empty id": (reasons.OUT_OF_RANGE, (b"", GOOD.replace(b'"m 1"', b'""'))),
    "an id too long": (
        reasons.OUT_OF_RANGE,
        (b"m" * 513, GOOD.replace(b"m 1", b"m" * 513)),
    ),
    "before 1970": (reasons.OUT_OF_RANGE, swapped(b"2026", b"1926")),
    "another key": (reasons.KEY_MISMATCH, (b"m 2", GOOD)),
    "a key that is not UTF-8": (reasons.KEY_MISMATCH, (b"\xff\xfe", GOOD)),
    "in another partition": (reasons.WRONG_PARTITION, (KEY, GOOD)),
    "far in the future": (reasons.FUTURE_EVENT, swapped(b"2026", b"2126")),
}
REACHABLE = set(reasons.REASON_CODES)

Places = Mapping[str, tuple[int, int]]


@pytest.fixture(scope="module")
def lane(lanes: Callable[[], AbstractContextManager[Lane]]) -> Iterator[Lane]:
    """A lane with a running stream."""
    with lanes() as opened:
        yield opened


@pytest.fixture(scope="module")
def job(lane: Lane) -> Job:
    """The running stream."""
    return lane.start_scoring()


@pytest.fixture(scope="module")
def rows_before(lane: Lane, job: Job) -> Mapping[bytes, Mapping[bytes, bytes]]:
    """The rows after the good events and before the bad ones."""
    ids = [MACHINE, *STRANGE_IDS]
    publish(lane.servers, [(i.encode(), reading(i, seconds=9, temperature_c=20.0)) for i in ids])
    drained(lane)
    return newest_cells(lane.store)


@pytest.fixture(scope="module")
def places(lane: Lane, rows_before: Mapping[bytes, Mapping[bytes, bytes]]) -> Places:
    """Where each bad event was stored; all were published after the rows were read."""
    elsewhere = [what for what, (reason, _) in BAD.items() if reason == reasons.WRONG_PARTITION]
    others = [what for what in BAD if what not in elsewhere]
    stored = dict(zip(others, publish(lane.servers, [BAD[w][1] for w in others]), strict=True))
    for what in elsewhere:
        _, record = BAD[what]
        partition = 1 - home_of(record[0] or b"")
        (stored[what],) = publish(lane.servers, [record], partition=partition)
    return stored


@pytest.fixture(scope="module")
def messages(lane: Lane, places: Places) -> OutputMessages:
    """The stream's messages about all events."""
    return drained(lane)


def test_every_reason_that_an_event_can_have_is_tried() -> None:
    assert {reason for reason, _ in BAD.values()} == REACHABLE


@pytest.mark.parametrize("what", BAD)
def test_a_bad_event_arrives_as_it_began_with_its_reason(
    places: Places, messages: OutputMessages, what: str
) -> None:
    reason, (key, value) = BAD[what]
    (letter,) = messages.outcomes[places[what]]
    headers = {name: text.decode() for name, text in letter.headers}
    assert letter.topic == DEAD_LETTERS
    assert (letter.key, letter.value) == (key, value and value[:DEAD_LETTER_BYTES])
    for name, whole in (("key", key), ("value", value)):
        expected = (None, None) if whole is None else (str(len(whole)), sha256(whole).hexdigest())
        assert (headers.get(f"{name}_bytes"), headers.get(f"{name}_sha256")) == expected
    assert headers["reason_code"] == reason, headers["reason"]
    assert 10 < len(headers["reason"]) < 500
    partition, offset = places[what]
    assert (headers["source_topic"], headers["source_epoch"]) == ("tiny.events", "1")
    assert (headers["source_partition"], headers["source_offset"]) == (str(partition), str(offset))


def test_good_events_with_strange_ids_have_rows(
    lane: Lane, rows_before: Mapping[bytes, Mapping[bytes, bytes]]
) -> None:
    assert len(rows_before) == len(STRANGE_IDS) + 1
    with reader(lane.store, "tiny") as rows:
        rows_by_id = {machine: rows.latest(machine) for machine in STRANGE_IDS}
        assert set(rows.latest_many(STRANGE_IDS)) == set(STRANGE_IDS)
    assert {id_: row.entity for id_, row in rows_by_id.items() if row} == {
        i: i for i in STRANGE_IDS
    }


def test_bad_events_change_no_row(
    lane: Lane, messages: OutputMessages, rows_before: Mapping[bytes, Mapping[bytes, bytes]]
) -> None:
    assert messages.counts()[DEAD_LETTERS] == len(BAD)
    assert newest_cells(lane.store) == rows_before


def test_the_stream_goes_on_after_the_bad_events(
    lane: Lane, job: Job, messages: OutputMessages
) -> None:
    ((partition, offset),) = publish(
        lane.servers, [(KEY, reading(MACHINE, seconds=60, temperature_c=90.0))]
    )
    after = drained(lane)
    (message,) = after.outcomes[(partition, offset)]
    assert msgspec.json.decode(message.value or b"")["entity"] == MACHINE
    with reader(lane.store, "tiny") as rows:
        latest = rows.latest(MACHINE)
    assert latest is not None
    assert latest.source.offset == offset
    assert "restart" not in job.output()
    assert job.terminate() == 143
    check_conservation(lane, after)
