"""What is attached to the valid events of one partition, as the store takes it."""

from features.events.decode import Events, Records
from stores.hbase.attachments import StoredAttachment
from stores.hbase.stamps import stamp


def stored_attachments(
    events: Events, records: Records, *, partition: int, epoch: int
) -> list[StoredAttachment]:
    """What is attached to `events` of `records`, in their order."""
    event_at = {row: at for at, row in enumerate(events.rows.tolist())}
    first = stamp(epoch, 0)
    return [
        StoredAttachment(
            digest=attached.reading.content.digest,
            stored=attached.reading.content.stored,
            media_type=attached.reading.content.media_type,
            entity=events.entities[event_at[attached.row]],
            partition=partition,
            position=first + int(records.offsets[attached.row]),
            event_ms=int(events.times_ms[event_at[attached.row]]),
        )
        for attached in events.attached
    ]
