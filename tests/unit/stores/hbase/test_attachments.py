"""Contents from memory, and statements for tables with large values."""

from stores.hbase.attachments import StoredAttachment
from stores.hbase.tables import ATTACHMENTS, table_specs
from tests.support.attachments import MemoryAttachmentStore, attachments_in_memory


def attachment(number: int, *, size: int = 100) -> StoredAttachment:
    """A content of `size` bytes, referred to by entity a."""
    return StoredAttachment(
        digest=f"{number:064x}",
        stored=bytes(size),
        media_type="image/png",
        entity="a",
        partition=0,
        position=number,
        event_ms=0,
    )


def test_a_source_asks_the_table_once_and_holds_the_latest_contents_only() -> None:
    store = MemoryAttachmentStore()
    place = attachments_in_memory(store)
    ones = [attachment(number) for number in range(4)]
    place.table().put("tiny", ones)
    first, *_, last = digests = [one.digest for one in ones]
    source = place.source()
    source.most_bytes = 250
    store.calls.clear()
    assert len(source.contents([first, first, "0" * 63 + "f"])) == 1
    assert len(source.contents([first])) == 1
    assert store.calls == ["rows 2"]
    assert len(source.contents(digests)) == 4
    assert len(source.contents([last])) == 1
    assert store.calls == ["rows 2", "rows 3"]
    assert len(source.contents([first])) == 1
    assert store.calls == ["rows 2", "rows 3", "rows 1"]


def test_large_contents_are_sent_in_several_calls() -> None:
    store = MemoryAttachmentStore()
    place = attachments_in_memory(store)
    sent = [attachment(number, size=1_500_000) for number in range(5)]
    assert place.table().put("tiny", sent) == 5
    assert store.calls == ["batch 5", "rows 5", "batch 2", "batch 2", "batch 1"]
    store.calls.clear()
    assert len(place.source().contents([one.digest for one in sent])) == 5
    assert store.calls == ["rows 5"]


def test_only_scenarios_with_attachments_have_the_table() -> None:
    names = [spec.name for spec in table_specs("tiny", regions=2, state_versions=5)]
    assert ATTACHMENTS not in names
    *_, spec = table_specs("tiny", regions=2, state_versions=5, has_attachments=True)
    assert spec.shell_statement("everscore") == (
        "create 'everscore:attachments', {NAME => 'c', VERSIONS => 1, BLOOMFILTER => 'ROW', "
        "IS_MOB => true, MOB_THRESHOLD => 102400, BLOCKCACHE => true}, {NAME => 'r', "
        "VERSIONS => 1, BLOOMFILTER => 'ROW', IN_MEMORY => true, BLOCKCACHE => true}, "
        "SPLITS => ['80']"
    )
