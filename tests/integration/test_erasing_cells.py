"""An erased row in a real HBase: older versions hidden, also those that come late; none newer."""

from batch.privacy.cells import erase_row, has_row, is_erased
from stores.hbase.connection import HBaseStore, Session
from stores.hbase.keys import row_key
from stores.hbase.stamps import stamp
from stores.hbase.states import StateTable
from stores.hbase.tables import STATE
from stores.records.erasures import (
    ErasedEntities,
    Erasure,
    ErasuresInUse,
    ErasureTable,
    mark_of,
    restore,
)
from tests.scenarios.tiny import SCENARIO


def erasure(number: int = 1, *, first: int = 10) -> Erasure:
    return Erasure(
        id=f"{number}",
        salt="s",
        marks=(mark_of("m1", "s"),),
        reason="asked for",
        begun_at="2026-11-28T12:00:00.000+00:00",
        epoch=1,
        first_offsets={0: first, 1: 99},
    )


def state(*, first: int, last: int) -> bytes:
    """A state of partition 0 whose events stand at these offsets."""
    states = SCENARIO.codec.decode([None])
    states.events[:], states.partition[:] = 2, 0
    states.first_stamp[:], states.last_stamp[:] = stamp(1, first), stamp(1, last)
    return SCENARIO.codec.encode(states)[0]


def versions(session: Session) -> list[int]:
    """Timestamps of all cells of the erased entity's state that can be read."""
    cells = session.call(
        lambda connection: connection.table("tiny").cells(
            row_key("m1"), STATE, versions=100, include_timestamp=True
        )
    )
    return [at for _, at in cells]


def test_all_older_versions_go_and_a_late_one_stays_hidden(session: Session) -> None:
    table = StateTable(session, "tiny")
    for last in (3, 5, 9):
        table.write(
            ["m1", "m2"], [state(first=0, last=last)] * 2, [b"{}"] * 2, position=stamp(1, last)
        )
    assert has_row(session, "tiny", "m1")
    first_erasure = erasure()
    assert erase_row(session, "tiny", "m1", erasure=first_erasure, codec=SCENARIO.codec)
    assert versions(session) == []
    assert not has_row(session, "tiny", "m1")
    # A batch that started before the erasure writes afterwards, below its first offset.
    table.write(["m1"], [state(first=0, last=9)], [b"{}"], position=stamp(1, 9))
    assert not has_row(session, "tiny", "m1")
    assert is_erased(session, "tiny", "m1", erasure=first_erasure, codec=SCENARIO.codec)
    # A new customer's first event.
    table.write(["m1"], [state(first=10, last=10)], [b"{}"], position=stamp(1, 10))
    assert versions(session) == [stamp(1, 10)]
    assert is_erased(session, "tiny", "m1", erasure=first_erasure, codec=SCENARIO.codec)
    assert has_row(session, "tiny", "m2")
    assert not erase_row(session, "tiny", "m3", erasure=first_erasure, codec=SCENARIO.codec)


def test_a_state_from_before_that_stands_later_is_found(session: Session) -> None:
    table = StateTable(session, "tiny")
    table.write(["m1"], [state(first=0, last=12)], [None], position=stamp(1, 12))
    erase_row(session, "tiny", "m1", erasure=erasure(), codec=SCENARIO.codec)
    assert not is_erased(session, "tiny", "m1", erasure=erasure(), codec=SCENARIO.codec)


def test_workers_learn_of_erasures_and_a_lost_control_table_gets_them_back(
    session: Session, store: HBaseStore
) -> None:
    table, now = ErasureTable(session, "tiny"), [0.0]
    in_use = ErasuresInUse(table, reread_seconds=1.0, clock=lambda: now[0])
    assert not in_use.current()
    table.write(erasure())
    assert not in_use.current()  # not looked again yet
    now[0] = 1.5
    assert in_use.current().of("m1") == erasure()
    table.write(erasure(2, first=20))
    now[0] = 3.0
    assert in_use.current().of("m1") == erasure(2, first=20)
    assert table.read().erasures == (erasure(), erasure(2, first=20))
    erasures = ErasedEntities((erasure(), erasure(2, first=20), erasure(3)))
    assert restore(table, erasures) == 1
    assert restore(table, erasures) == 0
    assert not ErasureTable(session, "tin").read()
