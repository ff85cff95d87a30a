"""What is attached to the valid events of a batch, as the store takes it."""

from features.events.decode import Events
from stores.hbase.attachments import StoredAttachment


def stored_attachments(events: Events) -> list[StoredAttachment]:
    """What is attached to `events`, each with the entity of its event; in their order."""
    entities = dict(zip(events.rows.tolist(), events.entities, strict=True))
    return [
        StoredAttachment(
            digest=attached.reading.content.digest,
            stored=attached.reading.content.stored,
            media_type=attached.reading.content.media_type,
            entity=entities[attached.row],
        )
        for attached in events.attached
    ]
