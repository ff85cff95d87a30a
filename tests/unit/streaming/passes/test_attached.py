"""What is attached to events is stored once, before states; what refers to it finds it."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import msgspec
import pyarrow as pa
import pytest

from features.events import reasons
from features.schema import SchemaError
from stores.hbase.connection import StoreDown
from stores.hbase.stamps import stamp
from tests.scenarios import tiny
from tests.scenarios.leaves import SCENARIO
from tests.scenarios.shops import SHOP
from tests.support.attachments import MemoryAttachmentStore, attachments_in_memory
from tests.support.leaf_model import LeafPasses, leaf, leaf_batch, save_leaf_model
from tests.support.tiny_pass import RowTable


@pytest.fixture(scope="module")
def passes(tmp_path_factory: pytest.TempPathFactory) -> LeafPasses:
    return LeafPasses(save_leaf_model(tmp_path_factory.mktemp("leaf-model") / "1"))


@dataclass
class OrderedTable(RowTable):
    """Notes its writes among the calls to the attachments."""

    calls: Sequence[str] = ()

    def write(
        self, entities: Sequence[str], states: Sequence[bytes], rows: Any, *, position: int
    ) -> None:
        assert isinstance(self.calls, list)
        self.calls.append("states")
        super().write(entities, states, rows, position=position)


def codes(messages: pa.Table) -> list[str]:
    """Reason codes of dead letters."""
    return [
        header["value"].decode()
        for headers in messages.column("headers").to_pylist()
        for header in headers or ()
        if header["key"] == "reason_code"
    ]


def features(messages: pa.Table) -> dict[str, list[float]]:
    """Entity → features of its prediction."""
    rows = messages.to_pylist()
    documents = [msgspec.json.decode(r["value"]) for r in rows if r["topic"].endswith("ictions")]
    return {document["entity"]: document["features"] for document in documents}


def test_contents_are_stored_once_and_before_the_states(passes: LeafPasses) -> None:
    store = MemoryAttachmentStore()
    table = OrderedTable(calls=store.calls)
    scoring = passes.over(table, attachments_in_memory(store))
    messages = scoring.process(leaf_batch(0, [("a", leaf(1)), ("b", leaf(1)), ("a", leaf(2))]))
    assert len(features(messages)) == 2
    assert store.calls == ["batch 3", "rows 2", "batch 2", "states"]
    contents = attachments_in_memory(store).table()
    digests = [key.decode() for key in store.rows]
    referring = [[(r.entity, r.position) for r in contents.referring(d)] for d in digests]
    first = stamp(1, 0)
    assert sorted(map(sorted, referring)) == [[("a", first), ("b", first + 1)], [("a", first + 2)]]
    # A replay stores nothing again.
    before = {key: dict(row) for key, row in store.rows.items()}
    passes.over(RowTable(), attachments_in_memory(store)).process(leaf_batch(0, [("a", leaf(1))]))
    assert store.rows == before
    assert store.calls[-2:] == ["batch 1", "rows 1"]


def test_a_reference_has_the_features_of_its_picture_and_is_counted(passes: LeafPasses) -> None:
    store, table = MemoryAttachmentStore(), RowTable()
    scoring = passes.over(table, attachments_in_memory(store))
    inline = features(scoring.process(leaf_batch(0, [("a", leaf(1))])))
    (digest,) = (key.decode() for key in store.rows)
    references = [("b", f"sha256:{digest}"), ("c", "sha256:" + "0" * 64)]
    again = passes.over(table, attachments_in_memory(store))
    messages = again.process(leaf_batch(1, references))
    assert features(messages) == {"b": inline["a"]}
    assert codes(messages) == [reasons.ATTACHMENT_MISSING]
    assert store.calls[-4:] == ["rows 2", "rows 1", "batch 1", "rows 1"]
    referring = attachments_in_memory(store).table().referring(digest)
    assert {reference.entity for reference in referring} == {"a", "b"}


def test_without_the_store_nothing_is_written(passes: LeafPasses) -> None:
    store = MemoryAttachmentStore(is_away=[True])
    table = RowTable()
    scoring = passes.over(table, attachments_in_memory(store))
    with pytest.raises(StoreDown):
        scoring.process(leaf_batch(0, [("a", leaf(1))]))
    assert (table.states, table.markers, table.rows) == ({}, {}, {})


def test_refused_pictures_are_not_stored(passes: LeafPasses) -> None:
    store = MemoryAttachmentStore()
    scoring = passes.over(RowTable(), attachments_in_memory(store))
    scoring.process(leaf_batch(0, [("a", "data:image/png;base64,AAAA"), ("a", "what?")]))
    assert store.calls == []


def test_only_the_own_events_of_a_scenario_have_attachments() -> None:
    label = replace(SCENARIO.label, schema=SCENARIO.schema)
    with pytest.raises(SchemaError, match="events of its label have attachments"):
        replace(tiny.SCENARIO, label=label)


def test_second_entities_and_attachments_exclude_each_other() -> None:
    second = replace(SHOP, key_field="number", schema=replace(SHOP.schema, entity_field="number"))
    with pytest.raises(SchemaError, match="do not read attachments"):
        replace(SCENARIO, second_entities=(second,))
