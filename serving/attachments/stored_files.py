"""The contents of one scenario's attachments in HBase, for the threads of the service."""

import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from features.attachments import Content
from serving.sessions import SessionPool
from stores.hbase.attachments import (
    AttachmentPlace,
    AttachmentTable,
    CachedContents,
    StoredAttachment,
)


@dataclass
class StoredFiles:
    """As `AttachmentFiles`; every call raises `StoreDown` or `TableMissing`."""

    pool: SessionPool
    scenario: str
    _source: CachedContents = field(init=False, repr=False)

    def __post_init__(self) -> None:
        self._source = AttachmentPlace(self.pool.store, self.pool.retry_seconds).source()

    def contents(self, digests: Iterable[str]) -> Mapping[str, bytes]:
        """Digest → what is stored of it; the latest ones from memory."""
        return self._source.contents(digests)

    def is_referred(self, digest: str) -> bool:
        """Whether an event of the scenario refers to it: asked each time, so an erasure counts."""
        with self.pool.session() as session:
            references = AttachmentTable(session).referring(digest)
        return any(reference.scenario == self.scenario for reference in references)

    def put(self, content: Content, entity: str) -> None:
        """Store a content that an event of `entity` will refer to; idempotent.

        Until then it stands before all events, so that an erasure of the entity finds it. The
        reference of an event that there is already stays.
        """
        attachment = StoredAttachment(
            digest=content.digest,
            stored=content.stored,
            media_type=content.media_type,
            entity=entity,
            partition=0,
            position=0,
            event_ms=time.time_ns() // 1_000_000,
        )
        with self.pool.session() as session:
            table = AttachmentTable(session)
            is_referring = any(
                (reference.scenario, reference.entity) == (self.scenario, entity)
                for reference in table.referring(content.digest)
            )
            if not is_referring or not table.known([content.digest]):
                table.put(self.scenario, [attachment])
