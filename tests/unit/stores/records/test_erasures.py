"""Erasures name nobody, and say of each event whether it stays away."""

import msgspec

from stores.hbase.stamps import stamp
from stores.records.erasures import ErasedEntities, Erasure, mark_of, new_erasure

BEGUN = "2026-11-28T12:00:00.000+00:00"
BEGUN_MS = 1_795_867_200_000


def erasure(*entities: str, salt: str = "salt", number: int = 1, first: int = 10) -> Erasure:
    return Erasure(
        id=f"{number}",
        salt=salt,
        marks=tuple(mark_of(entity, salt) for entity in entities),
        reason="asked for",
        begun_at=BEGUN,
        epoch=2,
        first_offsets={0: first, 1: 20},
    )


def test_an_event_counts_again_when_it_stands_after_and_is_dated_after_the_erasure() -> None:
    m1_erasure = erasure("m1")
    assert m1_erasure.begun_at_ms == BEGUN_MS
    assert not m1_erasure.covers(partition=0, position=stamp(2, 10), event_ms=BEGUN_MS)
    assert m1_erasure.covers(partition=0, position=stamp(2, 9), event_ms=BEGUN_MS)  # stood before
    assert m1_erasure.covers(partition=0, position=stamp(2, 10), event_ms=BEGUN_MS - 1)  # late
    assert m1_erasure.covers(partition=1, position=stamp(2, 19), event_ms=BEGUN_MS)
    assert m1_erasure.covers(partition=0, position=stamp(1, 99), event_ms=BEGUN_MS)  # older topic
    assert not m1_erasure.covers(partition=1, position=stamp(3, 0), event_ms=BEGUN_MS)


def test_before_its_offsets_are_known_an_erasure_covers_every_event() -> None:
    m1_erasure = msgspec.structs.replace(erasure("m1"), first_offsets=None)
    assert m1_erasure.covers(partition=0, position=stamp(500_000, 1 << 40), event_ms=BEGUN_MS + 1)


def test_the_newest_erasure_of_an_entity_decides() -> None:
    first, second = erasure("m1", "m2", number=1), erasure("m1", number=2, first=30)
    erased = ErasedEntities((first, second))
    assert erased.among(["m1", "m2", "m3"]) == {"m1": second, "m2": first}
    assert erased.of("m10") is None
    assert not ErasedEntities()


def test_what_is_stored_holds_no_id_and_another_salt_gives_other_marks() -> None:
    text = msgspec.json.encode(erasure("7590-VHVEG")).decode()
    assert "7590" not in text
    assert msgspec.json.decode(text, type=Erasure) == erasure("7590-VHVEG")
    assert not set(erasure("m1").marks) & set(erasure("m1", salt="other").marks)
    both = ErasedEntities((erasure("m1"), erasure("m2", salt="other", number=2)))
    assert set(both.among(["m1", "m2"])) == {"m1", "m2"}


def test_a_new_erasure_shares_the_salt_of_the_earlier_ones() -> None:
    earlier = ErasedEntities((erasure("m1"),))
    again = new_erasure(earlier, ["m1"], reason="once more")
    assert (again.salt, again.marks) == ("salt", earlier.erasures[0].marks)
    assert len(new_erasure(ErasedEntities(), ["m1"], reason="first").salt) == 32
