"""What becomes of dead letters that are published again: key, partition, or why they are not."""

import hashlib
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest

from batch.replays.ledger import Position, header_text
from batch.replays.replaying import CUT, DIFFERS, FOLDED, Corrector, DeadLetter, ReplayPlan, arrived
from features.events import reasons
from features.events.decode import EventDecoder
from features.events.partitioners import CRC32, CUSTOM, MURMUR2, Layout
from stores.records.erasures import ErasedEntities, Erasure, mark_of
from tests.scenarios.tiny import SCHEMA
from tests.support.homes import home_of, keys_of
from tests.support.tiny_model import reading

(HERE,), (THERE,) = keys_of(0, 1), keys_of(1, 1)
GOOD = reading(THERE, seconds=9, temperature_c=20.0)
NOW_MS = 4_000_000_000_000


def corrector(
    layout: Layout | None = None, *, originals: Mapping[Position, bytes] | None = None
) -> Corrector:
    return Corrector(
        schema=SCHEMA,
        decoder=EventDecoder(SCHEMA, max_event_bytes=10_000, max_future_skew_seconds=300),
        layout=layout or Layout(partitioner=MURMUR2, partitions=2),
        fetch=lambda position: (originals or {}).get(position),
        now_ms=lambda: NOW_MS,
    )


def letter(
    code: str, key: str | None = THERE, value: bytes | None = GOOD, **more: Any
) -> DeadLetter:
    encoded = None if key is None else key.encode()
    place = {"position": (1, 0, 7), **more}
    return DeadLetter(key=encoded, value=value, reason_code=code, **place)


def erased_until(offset: int, *, seconds: float) -> ErasedEntities:
    """THERE erased when partition 0 ended at `offset`, so many seconds after the start of 2026."""
    begun_at = datetime.fromtimestamp(1_767_225_600 + seconds, UTC).isoformat(
        timespec="milliseconds"
    )
    marks = (mark_of(THERE, "s"),)
    erasure = Erasure(
        id="1",
        salt="s",
        marks=marks,
        reason="",
        begun_at=begun_at,
        epoch=1,
        first_offsets={0: offset},
    )
    return ErasedEntities((erasure,))


@pytest.mark.parametrize(
    ("erased", "is_published"),
    [
        (erased_until(8, seconds=0), False),  # the refused event stood before the erasure's end
        (erased_until(7, seconds=10), False),  # it is dated before it
        (erased_until(7, seconds=9), True),
    ],
)
def test_nobody_who_was_erased_is_published_again(
    erased: ErasedEntities, is_published: bool
) -> None:
    dead_letter = letter(reasons.WRONG_PARTITION)
    plan = replace(corrector(), erased=erased).plan([dead_letter])
    assert bool(plan.replays) == is_published
    left_out = {} if is_published else {(reasons.WRONG_PARTITION, reasons.ERASED): 1}
    assert plan.left_out == left_out


def planned(dead_letter: DeadLetter, **more: Any) -> ReplayPlan:
    return corrector(**more).plan([dead_letter])


@pytest.mark.parametrize("partitioner", [MURMUR2, CRC32])
def test_an_event_elsewhere_goes_to_its_home_with_its_own_key_and_bytes(partitioner: str) -> None:
    layout = Layout(partitioner=partitioner, partitions=12)
    (replay,) = planned(letter(reasons.WRONG_PARTITION), layout=layout).replays
    assert (replay.key, replay.value) == (THERE.encode(), GOOD)
    assert replay.partition == home_of(THERE, partitions=12, partitioner=partitioner)


@pytest.mark.parametrize(("code", "key"), [(reasons.NULL_KEY, None), (reasons.KEY_MISMATCH, HERE)])
def test_a_missing_or_foreign_key_becomes_the_id_in_the_value(code: str, key: str | None) -> None:
    (replay,) = planned(letter(code, key)).replays
    assert (replay.key, replay.partition) == (THERE.encode(), 1)


def test_an_event_from_the_future_is_published_once_its_time_has_come() -> None:
    assert planned(letter(reasons.FUTURE_EVENT)).publishable == {reasons.FUTURE_EVENT: 1}


@pytest.mark.parametrize(
    ("dead_letter", "why"),
    [
        (letter(reasons.MALFORMED_JSON, value=GOOD[:-1]), reasons.MALFORMED_JSON),
        (letter(reasons.NULL_VALUE, value=None), reasons.NULL_VALUE),
        (letter(reasons.NULL_KEY, None, b"{}"), reasons.MISSING_FIELD),
        (letter(reasons.NULL_KEY, None, b'{"machine": 3}'), reasons.MISSING_FIELD),
        (letter(reasons.KEY_MISMATCH, HERE, b"[" * 100_000), reasons.TOO_LARGE),
        (letter("unscorable"), FOLDED),
        (letter(reasons.ERASED, None, None), reasons.ERASED),
    ],
)
def test_what_would_be_refused_again_or_counted_twice_is_left_out(
    dead_letter: DeadLetter, why: str
) -> None:
    plan = planned(dead_letter)
    assert plan.replays == []
    assert plan.left_out == {(dead_letter.reason_code, why): 1}


def digest(value: bytes) -> str:
    return hashlib.sha256(value).hexdigest()


def test_a_cut_value_is_fetched_whole_and_checked() -> None:
    long = GOOD[:-1] + b',"note":"' + b"x" * 5_000 + b'"}'
    cut = letter(
        reasons.TOO_LARGE, value=long[:100], value_bytes=len(long), value_sha256=digest(long)
    )
    (replay,) = planned(cut, originals={(1, 0, 7): long}).replays
    assert replay.value == long
    assert planned(cut).left_out == {(reasons.TOO_LARGE, CUT): 1}
    other = planned(cut, originals={(1, 0, 7): long.replace(b"x", b"y")})
    assert other.left_out == {(reasons.TOO_LARGE, DIFFERS): 1}


def test_a_value_that_is_whole_is_not_asked_for() -> None:
    whole = letter(
        reasons.WRONG_PARTITION, value_bytes=len(GOOD), value_sha256=digest(GOOD), home=1
    )
    (replay,) = planned(whole, originals={(1, 0, 7): b"another"}).replays
    assert replay.value == GOOD


def test_where_no_partitioner_tells_the_home_the_recorded_one_or_the_old_place_counts() -> None:
    layout = Layout(partitioner=CUSTOM, partitions=9)
    recorded = planned(letter(reasons.WRONG_PARTITION, home=5), layout=layout)
    same_key = planned(letter(reasons.FUTURE_EVENT, position=(1, 3, 7)), layout=layout)
    new_key = planned(letter(reasons.NULL_KEY, None), layout=layout)
    partitions = [plan.replays[0].partition for plan in (recorded, same_key, new_key)]
    assert partitions == [5, 3, None]


def test_many_letters_keep_their_order_and_each_is_counted_once() -> None:
    letters = [
        letter(
            reasons.WRONG_PARTITION if number % 3 else reasons.MALFORMED_JSON,
            value=GOOD if number % 3 else b"{",
            position=(1, number % 2, number),
        )
        for number in range(1_300)
    ]
    plan = corrector().plan(iter(letters))
    assert [replay.position[2] for replay in plan.replays] == [n for n in range(1_300) if n % 3]
    assert plan.publishable.total() + plan.left_out.total() == 1_300


def test_what_has_arrived_is_found_by_its_header_alone() -> None:
    positions = [(1, 0, 7), (2, 0, 7), (1, 1, 7)]
    headers = [(header_text("tiny.events", (2, 0, 7)), 1, 99), ("other/0/7/1", 0, 3)]
    assert arrived(headers, positions, topic="tiny.events") == {
        (1, 0, 7): None,
        (2, 0, 7): (1, 99),
        (1, 1, 7): None,
    }


def test_the_event_time_is_that_of_the_value() -> None:
    (replay,) = planned(letter(reasons.WRONG_PARTITION)).replays
    assert msgspec.json.decode(replay.value) == msgspec.json.decode(GOOD)
