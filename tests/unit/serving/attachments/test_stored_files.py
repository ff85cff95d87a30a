"""Files of the service in the attachment table: the scenario's own, and what an erasure takes."""

from serving.attachments.stored_files import StoredFiles
from serving.sessions import SessionPool
from stores.hbase.attachments import AttachmentPlace, Forgotten, StoredAttachment
from tests.support.attachments import MemoryAttachmentStore
from tests.support.leaf_desk import content_of
from tests.support.pictures import levels


def test_a_posted_file_is_the_scenarios_own_and_goes_with_its_entity() -> None:
    store, content = MemoryAttachmentStore(), content_of(levels())
    leaves, other = (StoredFiles(SessionPool(store), name) for name in ("leaves", "other"))
    assert not leaves.is_referred(content.digest)
    leaves.put(content, "fern 1")
    assert leaves.contents([content.digest]) == {content.digest: content.stored}
    assert (leaves.is_referred(content.digest), other.is_referred(content.digest)) == (True, False)
    forgotten = AttachmentPlace(store, 0.0).table().forget("leaves", ["fern 1"])
    assert forgotten == Forgotten(references=1, contents=1)
    assert not leaves.is_referred(content.digest)


def test_posting_again_leaves_the_reference_of_an_event() -> None:
    store, content = MemoryAttachmentStore(), content_of(levels())
    table = AttachmentPlace(store, 0.0).table()
    of_event = StoredAttachment(
        digest=content.digest,
        stored=content.stored,
        media_type="image/png",
        entity="fern 1",
        partition=1,
        position=77,
        event_ms=5,
    )
    table.put("leaves", [of_event])
    StoredFiles(SessionPool(store), "leaves").put(content, "fern 1")
    (reference,) = table.referring(content.digest)
    assert (reference.partition, reference.position) == (1, 77)
