"""Rows encoded from columns are the bytes that happybase's own batch would send."""

from types import SimpleNamespace
from typing import Any

import pytest
from happybase.batch import Batch
from Hbase_thrift import Hbase
from thriftpy2.protocol import TBinaryProtocol
from thriftpy2.thrift import TClient
from thriftpy2.transport import TMemoryBuffer

from stores.hbase.keys import row_key
from stores.hbase.puts import Rows, message
from stores.hbase.tables import LATEST, STATE

POSITION = (3 << 44) + 12_345
IDS = ["c000017", "", "Zoë", "x" * 512, "a:b", *(f"c{number}" for number in range(300))]


def sent_by_happybase(ids: list[str], states: list[bytes], latest: list[bytes | None]) -> bytes:
    """What happybase's batch sends for these rows, caught before its socket."""
    buffer: Any = TMemoryBuffer()  # type: ignore[no-untyped-call]
    client: Any = TClient(Hbase, TBinaryProtocol(buffer))  # type: ignore[no-untyped-call]
    client._recv = lambda _: None  # nobody answers
    connection = SimpleNamespace(client=client)
    batch = Batch(SimpleNamespace(name=b"ns:tiny", connection=connection), timestamp=POSITION)
    for entity, state, row in zip(ids, states, latest, strict=True):
        batch.put(row_key(entity), {STATE: state} if row is None else {STATE: state, LATEST: row})
    batch.send()
    sent: bytes = buffer.getvalue()
    return sent


@pytest.mark.parametrize("ids", [IDS, IDS[:1], IDS[3:4]])
def test_the_message_is_happybases_own(ids: list[str]) -> None:
    states = [b"state %d" % row * (row % 7 + 1) for row in range(len(ids))]
    latest = [None if row % 3 == 1 else b'{"row":%d}' % row * row for row in range(len(ids))]
    rows = Rows(ids, states, latest)
    assert message(b"ns:tiny", rows, POSITION) == sent_by_happybase(ids, states, latest)


def test_rows_by_key_are_all_of_them_in_a_ring() -> None:
    states = [entity.encode() for entity in IDS]
    latest = [None if not entity else b"row" for entity in IDS]
    rows = Rows(IDS, states, latest).by_key()
    ids = rows.ids.to_pylist()
    assert sorted(ids) == sorted(IDS)
    assert rows.states.to_pylist() == [entity.encode() for entity in ids]
    assert rows.latest.to_pylist() == [None if not entity else b"row" for entity in ids]
    keys = [row_key(entity) for entity in ids]
    first = keys.index(min(keys))
    assert keys[first:] + keys[:first] == sorted(keys)
    assert len(Rows([], [], []).by_key()) == 0


def test_parts_of_many_rows_are_taken_at_their_place() -> None:
    states, latest = [b"s%d" % row for row in range(305)], [b"r%d" % row for row in range(305)]
    rows = list(Rows(IDS, states, latest).parts(100))
    assert [len(part) for part in rows] == [100, 100, 100, 5]
    expected = sent_by_happybase(IDS[100:200], states[100:200], list(latest[100:200]))
    assert message(b"ns:tiny", rows[1], POSITION) == expected
