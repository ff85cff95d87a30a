"""Disturbed follow-ups: late ones and repeated ones, the same for the same seed."""

from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from itertools import islice
from pathlib import Path

import msgspec

from batch.publishing.disturbance import LONGEST_GAP_RECORDS, Disturbance, WithDuplicates, jittered
from batch.publishing.event_source import Record as AnyRecord
from batch.publishing.event_source import load_source
from batch.publishing.order import Order, phases
from batch.publishing.publisher import Pace
from scenarios.simulation.records import Record
from tests.unit.churn.customers import telco_file

NOW = datetime(2026, 3, 1, tzinfo=UTC)


def _numbered(count: int) -> list[Record]:
    return [
        Record(topic_kind="events", kind="profile", key=b"7", value=f"{number}".encode())
        for number in range(count)
    ]


def _follow_ups(folder: Path, disturbance: Disturbance, *, seed: int = 1) -> Sequence[AnyRecord]:
    source = load_source("churn", "scenarios.churn.scenario", file=telco_file(folder), limit=2)
    order = Order(
        history=False,
        labels=False,
        pace=Pace(records_per_second=10),
        bad_share=0.0,
        seed=seed,
        disturbance=disturbance,
    )
    (phase,) = phases(source, order, now=lambda: NOW, too_large_bytes=1_000)
    return list(islice(phase.records, 500))


def _delays_seconds(records: Sequence[AnyRecord]) -> list[float]:
    texts = [msgspec.json.decode(record.value or b"")["event_time"] for record in records]
    return [(NOW - datetime.fromisoformat(text)).total_seconds() for text in texts]


def test_without_disturbance_the_clock_and_the_records_are_as_they_are() -> None:
    clock = jittered(lambda: NOW, share=0.0, seconds=60, seed=1)
    records = _numbered(20)
    assert {clock() for _ in range(20)} == {NOW}
    assert list(WithDuplicates(records, 0.0, 1)) == records


def test_the_asked_share_of_follow_ups_is_dated_in_the_past(tmp_path: Path) -> None:
    delays = _delays_seconds(_follow_ups(tmp_path, Disturbance(0.3, 600.0)))
    late = [delay for delay in delays if delay > 0]
    assert 0.25 < len(late) / len(delays) < 0.35
    assert 500 < max(late) <= 600
    assert min(delays) == 0


def test_disorder_changes_nothing_but_the_dates(tmp_path: Path) -> None:
    still = _follow_ups(tmp_path, Disturbance())
    late = _follow_ups(tmp_path, Disturbance(disorder_share=0.5))

    def undated(record: AnyRecord) -> dict[str, object]:
        return {**msgspec.json.decode(record.value or b""), "event_time": ""}

    assert [undated(record) for record in still] == [undated(record) for record in late]
    assert [record.value for record in still] != [record.value for record in late]


def test_the_asked_share_comes_twice_byte_equal_and_a_little_later() -> None:
    records = _numbered(2_000)
    sent = list(WithDuplicates(records, 0.1, 1))
    counts = Counter(record.value for record in sent)
    repeated = [value for value, times in counts.items() if times == 2]
    assert set(counts.values()) == {1, 2}
    assert 0.08 < len(repeated) / len(records) < 0.12
    places: dict[bytes | None, list[int]] = {}
    for place, record in enumerate(sent):
        places.setdefault(record.value, []).append(place)
    gaps = [places[value][1] - places[value][0] for value in repeated]
    assert min(gaps) >= 1
    assert max(gaps) <= 2 * LONGEST_GAP_RECORDS  # the gap counts records, not repetitions


def test_duplicates_leave_the_order_of_the_others_and_lose_none() -> None:
    records = _numbered(50)
    first_seen = list(dict.fromkeys(WithDuplicates(records, 1.0, 1)))
    assert first_seen == records
    assert Counter(WithDuplicates(records, 1.0, 1)) == dict.fromkeys(records, 2)


def test_the_same_seed_disturbs_alike_and_another_otherwise(tmp_path: Path) -> None:
    disturbance = Disturbance(0.2, 600.0, duplicate_share=0.2)
    one, again = (_follow_ups(tmp_path, disturbance) for _ in range(2))
    assert one == again
    assert one != _follow_ups(tmp_path, disturbance, seed=2)


def test_a_jittered_clock_follows_the_clock_behind_it() -> None:
    times = iter(NOW + timedelta(seconds=number) for number in range(3))
    clock = jittered(lambda: next(times), share=0.0, seconds=60, seed=1)
    assert [clock() for _ in range(3)] == [NOW + timedelta(seconds=number) for number in range(3)]
