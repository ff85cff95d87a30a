"""Records on their way into the archive: of erased entities only positions stay."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

import pyarrow as pa
import pytest
from msgspec.structs import replace

from stores.delta.absent import ERASED
from stores.records.erasures import ErasedEntities, Erasure, mark_of
from streaming.archive.erased import ErasedRecords

BEGUN = "2026-11-28T12:00:00.000+00:00"
BEFORE, AFTER = "2026-11-28T11:59:59Z", "2026-11-28T12:00:01Z"
_HEADER = pa.struct([("key", pa.string()), ("value", pa.binary())])
SCHEMA = pa.schema(
    [
        ("partition", pa.int32()),
        ("offset", pa.int64()),
        ("epoch", pa.int32()),
        ("key", pa.binary()),
        ("value", pa.binary()),
        ("headers", pa.list_(_HEADER)),
        ("absent", pa.string()),
    ]
)
ERASURE = Erasure(
    id="1",
    salt="s",
    marks=(mark_of("m1", "s"),),
    reason="asked for",
    begun_at=BEGUN,
    epoch=2,
    first_offsets={0: 10},
    label_ends={0: 5},
)


def row(
    offset: int,
    key: bytes | None,
    value: object,
    *,
    epoch: int = 2,
    headers: Mapping[str, str] | None = None,
) -> dict[str, Any]:
    raw = value if isinstance(value, bytes) or value is None else json.dumps(value).encode()
    encoded_headers = [
        {"key": name, "value": text.encode()} for name, text in (headers or {}).items()
    ]
    place = {"partition": 0, "offset": offset, "epoch": epoch, "key": key, "value": raw}
    return {**place, "headers": encoded_headers or None, "absent": None}


def erased_offsets(
    kind: str, rows: Sequence[Mapping[str, Any]], *, erasure: Erasure = ERASURE
) -> set[int]:
    task = ErasedRecords(kind, ErasedEntities((erasure,)), ("machine", "entity"))
    batch = pa.RecordBatch.from_pylist(list(rows), schema=SCHEMA)
    (output,) = task(iter([batch]))
    for before, after in zip(rows, output.to_pylist(), strict=True):
        if after["absent"] is None:
            assert after == before
        else:
            assert (after["absent"], after["offset"]) == (ERASED, before["offset"])
            assert (after["key"], after["value"], after["headers"]) == (None, None, None)
    return {record["offset"] for record in output.to_pylist() if record["absent"]}


def test_events_from_before_the_erasure_are_emptied_and_later_ones_kept() -> None:
    rows = [
        row(9, b"m1", {"machine": "m1", "event_time": AFTER}),  # stood before
        row(10, b"m1", {"machine": "m1", "event_time": AFTER}),  # a new customer
        row(11, b"m1", {"machine": "m1", "event_time": BEFORE}),  # a late event
        row(3, b"m10", {"machine": "m10", "event_time": BEFORE}),
        row(4, None, {"machine": "m1", "event_time": BEFORE}),
        row(5, b"m2", {"machine": "m1", "event_time": AFTER}),
        row(6, b"m2", b'{"machine":"m1","event_t'),  # malformed, and names the entity
        row(7, b"m1", None),
        row(12, b"m1", b"{"),  # after the erasure, no time: it is new
        row(99, b"m1", {"machine": "m1", "event_time": AFTER}, epoch=1),
    ]
    assert erased_offsets("events", rows) == {9, 11, 4, 5, 6, 7, 99}


def test_predictions_and_dead_letters_go_by_the_event_that_they_tell_of() -> None:
    def prediction(source: int, at: str) -> dict[str, object]:
        return {"entity": "m1", "event_time": at, "source": {"partition": 0, "offset": source}}

    predictions = [row(70, b"m1", prediction(9, AFTER)), row(71, b"m1", prediction(10, AFTER))]
    assert erased_offsets("predictions", predictions) == {70}
    letters = [
        row(80, b"m1", b"{", headers={"source_partition": "0", "source_offset": "9"}),
        row(81, b"m1", b"{", headers={"source_partition": "0", "source_offset": "10"}),
    ]
    assert erased_offsets("dead-letter", letters) == {80}


def test_review_decisions_go_with_the_event_that_was_scored() -> None:
    def decision(offset: int, at: str) -> dict[str, object]:
        return {"entity": "m1", "event_time": at, "partition": 0, "offset": offset}

    rows = [
        row(90, b"m1", decision(9, AFTER)),
        row(91, b"m1", decision(10, AFTER)),
        row(92, b"m1", decision(10, BEFORE)),
    ]
    assert erased_offsets("review-decisions", rows) == {90, 92}


def test_labels_go_by_where_their_own_topic_ended() -> None:
    rows = [
        row(4, b"m1", {"machine": "m1", "event_time": AFTER}, epoch=1),
        row(5, b"m1", {"machine": "m1", "event_time": AFTER}, epoch=1),
        row(6, b"m1", {"machine": "m1", "event_time": BEFORE}, epoch=1),
    ]
    assert erased_offsets("labels", rows) == {4, 6}


@pytest.mark.parametrize(
    ("ends", "expected"),
    [
        pytest.param({0: 5}, {4, 6, 7}, id="of its own topic"),
        pytest.param(None, {6, 7}, id="of before there were outcomes: their time decides"),
    ],
)
def test_outcomes_go_with_their_agents_names(
    ends: Mapping[int, int] | None, expected: set[int]
) -> None:
    def outcome(entity: str, at: str) -> dict[str, object]:
        return {"entity": entity, "event_time": at, "agent": "a17"}

    rows = [
        row(4, b"m1", outcome("m1", AFTER), epoch=1),
        row(5, b"m1", outcome("m1", AFTER), epoch=1),
        row(6, b"m1", outcome("m1", BEFORE), epoch=1),
        row(7, b"m2", outcome("m1", BEFORE), epoch=1),  # refused for its key, and names m1
        row(8, b"m2", outcome("m2", BEFORE), epoch=1),
    ]
    erasure = replace(ERASURE, outcome_ends=ends)
    assert erased_offsets("outcomes", rows, erasure=erasure) == expected
    unfinished = replace(ERASURE, label_ends=None)
    assert erased_offsets("outcomes", rows, erasure=unfinished) == {4, 5, 6, 7}


@pytest.mark.parametrize(
    "value", [b"[1]", b"\xff\xfe", b'{"event_time":5}', b"{}" * 3, b"[" * 5000]
)
def test_no_record_is_too_odd_to_be_looked_at(value: bytes) -> None:
    assert erased_offsets("events", [row(1, b"m2", value), row(2, b"m1", value)]) == {2}
    assert erased_offsets("predictions", [row(1, b"m2", value)]) == set()


def test_records_of_devices_go_by_where_their_own_topic_ended() -> None:
    def device_record(entity: str, at: str) -> dict[str, object]:
        return {"type": "device_record", "entity": entity, "event_time": at}

    rows = [
        row(4, b"m1", device_record("m1", AFTER), epoch=1),
        row(5, b"m1", device_record("m1", AFTER), epoch=1),
        row(6, b"m1", device_record("m1", BEFORE), epoch=1),
        row(7, b"m2", device_record("m2", BEFORE), epoch=1),
    ]
    erasure = replace(ERASURE, device_record_ends={0: 5})
    assert erased_offsets("device-records", rows, erasure=erasure) == {4, 6}
