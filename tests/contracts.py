"""What a store promises, as checks that its fake passes as well as the real thing.

Each check takes what it examines and asserts; who calls it brings an empty one. The fakes are
examined in tests/unit/test_fakes.py, the real ones in tests/spark/test_real_files.py and
tests/integration/test_real_stores.py.
"""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any, Protocol

import numpy as np
import pytest
from msgspec.structs import replace

from monitoring.actions.carrying_out import Records
from monitoring.alerts.delivery import Alerts
from serving.device.routes import KeyTable
from serving.review_queue.case_store import CaseStore
from serving.rows.latest import LatestRows
from serving.sessions import SessionPool
from stores.delta.files import Files
from stores.hbase.attachments import (
    AttachmentPlace,
    Forgotten,
    Reference,
    StoredAttachment,
)
from stores.hbase.connection import HBaseStore
from stores.hbase.predictions import Prediction, row_document
from stores.hbase.states import Marker
from stores.kafka.producer import send
from stores.records.alerts import OpenAlert
from stores.records.decisions import ActionResult, DecisionChanged, DecisionRecord
from stores.records.deployments import ModelPointer
from stores.records.device_keys import DeviceKey
from stores.records.homes import UNKNOWN, Homes
from stores.records.review_cases import Claim, Opinion, TopicPosition
from streaming.passes.table import PassTable
from tests.support.latest_cells import latest_row
from tests.support.review_cases import tiny_case


class HomeStore(Protocol):
    """Home partitions by entity and epoch."""

    def read(self, entities: Sequence[str], *, epoch: int) -> Homes: ...

    def claim(self, entities: Sequence[str], wanted: Homes, *, epoch: int) -> Homes: ...


def check_pass_table(table: PassTable) -> None:
    """States and markers below a position; `table` is empty."""
    entities = ["b", "a", "never written"]
    assert table.below(entities, partition=0, position=100) == ([None, None, None], None)
    assert table.newest([]) == []

    table.write(["a", "b"], [b"a10", b"b10"], [b"row of a", None], position=10)
    table.write(["a"], [b"a20"], [None], position=20)
    first, second = (Marker(partition=0, epoch=0, offset=at) for at in (10, 20))
    table.write_marker(first, position=10)
    table.write_marker(second, position=20)

    # What a batch wrote at its position is not below that position, so a replay does not see it.
    assert table.below(entities, partition=0, position=10) == ([None, None, None], None)
    assert table.below(entities, partition=0, position=11) == ([b"b10", b"a10", None], first)
    assert table.below(entities, partition=0, position=20) == ([b"b10", b"a10", None], first)
    assert table.below(entities, partition=0, position=21) == ([b"b10", b"a20", None], second)
    # The answer follows the order that was asked for, and an entity may be asked for twice.
    assert table.below(["a", "b", "a"], partition=0, position=21)[0] == [b"a20", b"b10", b"a20"]
    assert table.below(["a"], partition=1, position=21) == ([b"a20"], None)
    assert table.newest(["never written", "a", "b"]) == [None, b"a20", b"b10"]

    # A batch that is written again, and one that comes late, leave the newer state alone.
    table.write(["a", "b"], [b"a10", b"b10"], [b"row of a", None], position=10)
    table.write_marker(first, position=10)
    assert table.newest(["a", "b"]) == [b"a20", b"b10"]
    assert table.below(["a"], partition=0, position=21) == ([b"a20"], second)


def check_homes(homes: HomeStore) -> None:
    """The first claim of an epoch holds; `homes` is empty."""
    entities = ["b", "a"]
    assert homes.read(entities, epoch=1).tolist() == [UNKNOWN, UNKNOWN]
    assert homes.claim(["a"], np.array([0]), epoch=1).tolist() == [0]
    assert homes.claim(entities, np.array([1, 1]), epoch=1).tolist() == [1, 0]
    assert homes.read(["a", "b", "c"], epoch=1).tolist() == [0, 1, UNKNOWN]
    assert homes.read(entities, epoch=2).tolist() == [UNKNOWN, UNKNOWN]


def check_decisions(decisions: Records) -> None:
    """A period and rule are decided once; who has read a decision replaces it. Begins empty."""
    record = DecisionRecord(
        scenario="tiny",
        period=12,
        rule="quality_low",
        version="1",
        decided_at_ms=1_000,
        decided_by="test",
        sentence="auroc is low",
        actions=("alert", "retrain"),
    )
    assert decisions.all() == []
    assert decisions.add(record)
    assert decisions.add(record)  # the same call repeated finds its own work
    assert not decisions.add(replace(record, decided_by="another"))
    earlier = replace(record, period=9, decided_at_ms=2_000)
    assert decisions.add(earlier)
    assert decisions.all() == [earlier, record]
    result = ActionResult(action="alert", exit_code=0, finished_at_ms=3_000, lines=("ü",))
    after = decisions.replace(record, replace(record, results=(result,)))
    assert decisions.replace(record, after) == after
    with pytest.raises(DecisionChanged):
        decisions.replace(record, replace(record, state="done"))
    assert decisions.all() == [earlier, after]


def check_alerts(alerts: Alerts) -> None:
    """One alert per subject; `alerts` is empty."""
    first = OpenAlert(
        scenario="tiny",
        subject="drift:income, or: ü",
        severity="warning",
        title="t",
        sentence="s",
        since_ms=2_000,
        evidence="page",
        runbook="runbook",
    )
    second = replace(first, subject="drift:age", since_ms=1_000)
    assert alerts.all() == []
    alerts.write(first)
    alerts.write(second)
    sent = replace(first, sent_to=("webhook",))
    alerts.write(sent)
    assert alerts.all() == [second, sent]
    alerts.remove(first)
    alerts.remove(first)
    assert alerts.all() == [second]


def check_review_cases(store: CaseStore) -> None:
    """Cases are added once and changed where they were read; `store` is empty."""
    first, second = tiny_case(1), tiny_case(2)
    assert (store.unfinished(), [*store.all()], store.position()) == ([], [], None)
    assert store.add([first, second]) == 2
    assert store.add([first, tiny_case(1, score=0.7)]) == 0  # an id is one case
    assert [stored.case for stored in store.unfinished()] == [first, second]
    assert [*store.read([second.id, "unknown"])] == [second.id]

    # Of two who have read the same state one changes it; a repeated call finds its own work.
    before = store.read([first.id])[first.id]
    claim = Claim(reviewer="ann ü", token="1", until_ms=store.now_ms() + 1_000)
    claimed = store.replace(before, replace(first, claim=claim))
    assert claimed is not None
    assert claimed.case.claimed_by(store.now_ms()) == "ann ü"
    assert store.replace(before, claimed.case) == claimed
    assert store.replace(before, replace(first, assignee="bob")) is None
    assert store.read([first.id])[first.id] == claimed

    # A decided case is finished once Kafka has its opinion, and unfinished again when reopened.
    opinion = Opinion(reviewer="ann ü", verdict="confirmed", at_ms=store.now_ms(), token="1")
    decided = store.replace(claimed, replace(first, opinions=(opinion,)))
    assert decided is not None
    assert store.finish() == 0
    published = store.replace(decided, replace(decided.case, published=1))
    assert published is not None
    assert store.finish() == 1
    assert store.finish() == 0
    assert [stored.case for stored in store.unfinished()] == [second]
    assert [*store.all()] == [published.case, second]
    reopened = store.reopen(published, replace(published.case, opinions_wanted=2))
    assert reopened is not None
    assert [stored.case for stored in store.unfinished()] == [reopened.case, second]

    position = TopicPosition(topic_id="t", next={0: 7, 1: 0}, refused=1)
    store.write_position(position)
    assert store.position() == position
    assert [*store.all()] == [reopened.case, second]
    store.delete([first.id])
    assert [stored.case for stored in store.unfinished()] == [second]
    assert store.replace(reopened, first) is None
    now = store.now_ms()
    assert now <= store.now_ms() < now + 60_000


def check_files(files: Files, folder: str) -> None:
    """Small text files below `folder`, which does not exist yet."""
    assert files.names(folder) == []
    assert files.read(f"{folder}/a") is None
    files.write(f"{folder}/b/2", "zwölf\n")
    files.write(f"{folder}/a", "")
    files.write(f"{folder}/b/1", "one")
    assert files.names(folder) == ["a", "b"]
    assert files.names(f"{folder}/b") == ["1", "2"]
    assert files.names(f"{folder}/c") == []
    assert (files.read(f"{folder}/a"), files.read(f"{folder}/b/2")) == ("", "zwölf\n")


def check_producer(producer: Any, topic: str, *, refused: tuple[bytes, bytes]) -> None:
    """Acknowledgements of a producer; `topic` has one partition and no record.

    refused: key and value of a record that the producer does not take
    """
    offsets: list[int] = []
    errors: list[BaseException] = []

    for key, value in ((b"7", b"{}"), refused, (b"7", b"{}")):
        future = send(producer, topic, key=key, value=value)
        future.add_callback(lambda place: offsets.append(place.offset))
        future.add_errback(errors.append)
    producer.flush(timeout=60)
    assert offsets == [0, 1]
    assert len(errors) == 1


def check_latest_rows(store: HBaseStore, write: Callable[[Sequence[Prediction]], None]) -> None:
    """Latest rows of the tiny scenario behind connections of `store`, which `write` writes to."""
    rows = LatestRows(SessionPool(store, retry_seconds=20.0), "tiny")
    now = datetime.now(UTC)
    entities = [f"machine {number}" for number in range(1_200)]
    assert rows.one("machine 7", now) is None
    assert rows.many(["machine 7"], now) == {}
    write([latest_row(entity, at=now) for entity in entities])
    assert rows.one("machine", now) is None
    view = rows.one("machine 7", now)
    assert view is not None
    assert (view.prediction.entity, view.age_seconds, view.stale) == ("machine 7", 0.0, False)
    assert view.document == row_document(latest_row("machine 7", at=now))
    several = rows.many(["machine 9", "nobody", "machine 1", "machine 9"], now)
    assert list(several) == ["machine 9", "machine 1"]
    seen: list[str] = []
    cursor = None
    while True:
        page = rows.page(now, band="hot", cursor=cursor, limit=170, most_read=500)
        seen += [row.prediction.entity for row in page.rows]
        write([latest_row(entity, at=now, offset=8 + len(seen)) for entity in entities[::50]])
        cursor = page.cursor
        if cursor is None:
            break
    assert len(seen) == len(entities)
    assert set(seen) == set(entities)


def check_device_keys(keys: KeyTable) -> None:
    """A record's number is given once; `keys` is empty."""
    key = DeviceKey(
        scenario="tiny",
        id="k1",
        caller="ü",
        public_key={"kty": "EC", "crv": "P-256", "x": "1", "y": "2"},
        package_id="p",
        champion=ModelPointer(name="m", version="1", artifact_uri="/m", sha256="0"),
        thresholds={"ok": 0.0, "hot": 0.1 + 0.2},
        policy_version="v",
        issued_at_ms=1_000,
    )
    assert keys.read("k1") is None
    assert keys.revoke("k1", caller="operator", now_ms=1) is None
    keys.add(key)
    assert keys.read("k1") == key

    digests = {1: "aa", 20: "bb"}
    assert keys.claims("k1", {}) == {}
    assert keys.claims("k1", digests) == {1: "new", 20: "new"}
    assert keys.claim("k1", 1, "aa") == "new"
    assert keys.claim("k1", 1, "aa") == "unpublished"
    assert keys.claim("k1", 1, "cc") == "another"
    assert keys.claims("k2", digests) == {1: "new", 20: "new"}
    keys.mark_published("k1", {})
    keys.mark_published("k1", {1: "aa"})
    assert keys.claims("k1", digests) == {1: "published", 20: "new"}
    assert keys.claims("k1", {1: "bb"}) == {1: "another"}

    revoked = keys.revoke("k1", caller="operator", now_ms=2_000)
    assert revoked is not None
    assert (revoked.revoked_at_ms, revoked.revoked_by) == (2_000, "operator")
    assert keys.revoke("k1", caller="another", now_ms=3_000) == revoked
    assert keys.read("k1") == revoked


def check_attachments(place: AttachmentPlace) -> None:
    """Contents by digest and who refers to them; the table of `place` is empty."""
    table, source = place.table(), place.source()
    digests = [f"{first:02x}" * 32 for first in (0, 1, 254, 255)]
    small, shared, large, absent = digests

    def attached(digest: str, entity: str, position: int = 7) -> StoredAttachment:
        size = 300_000 if digest == large else 100
        content = (digest.encode() * size)[:size]
        return StoredAttachment(
            digest=digest,
            stored=content,
            media_type="image/png",
            entity=entity,
            partition=1,
            position=position,
            event_ms=99,
        )

    def reference(scenario: str, entity: str, position: int = 7) -> Reference:
        return Reference(
            scenario=scenario, entity=entity, partition=1, position=position, event_ms=99
        )

    assert (table.known(digests), source.contents(digests)) == (frozenset(), {})
    assert table.put("tiny", []) == 0
    rows = [attached(small, "a"), attached(shared, "a"), attached(large, "a:ü")]
    assert table.put("tiny", [*rows, rows[0]]) == 3
    assert table.put("tiny", rows) == 0
    assert table.put("other", [attached(shared, "a")]) == 0
    assert table.known(digests) == {small, shared, large}
    assert source.contents(digests) == {row.digest: row.stored for row in rows}
    assert place.source().contents([large, large]) == {large: rows[2].stored}
    assert table.referring(shared) == {reference("tiny", "a"), reference("other", "a")}
    assert table.referring(large) == {reference("tiny", "a:ü")}
    assert table.referring(absent) == frozenset()

    # Of one entity: what another scenario's refers to stays; counting changes nothing.
    for is_dry in (True, False):
        forgotten = table.forget("tiny", ["a", "nobody"], is_dry=is_dry)
        assert forgotten == Forgotten(references=2, contents=1)
    assert table.forget("tiny", ["a"]) == Forgotten()
    assert table.known(digests) == {shared, large}
    assert place.source().contents([small, shared]) == {shared: rows[1].stored}
    assert table.referring(shared) == {reference("other", "a")}

    # The same picture again, sent by somebody else, is there again; so is that of a newer event.
    assert table.put("tiny", [attached(small, "b", 8), attached(small, "b", 9)]) == 1
    assert place.source().contents([small]) == {small: rows[0].stored}
    assert table.referring(small) == {reference("tiny", "b", 9)}
    assert table.forget("tiny", ["b"], covers=lambda one: one.position < 9) == Forgotten()
    assert table.known([small]) == {small}
    assert table.forget("tiny", ["a:ü", "b"]) == Forgotten(references=2, contents=2)
    assert table.forget("other", ["a"]) == Forgotten(references=1, contents=1)
    assert table.known(digests) == frozenset()
    assert table.forget("tiny", []) == Forgotten()
