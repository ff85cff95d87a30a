"""How events are checked; the same limits as in the stream, or features would differ."""

from dataclasses import dataclass

from features.events.decode import EventDecoder
from features.schema import EventSchema
from stores.hbase.attachments import AttachmentPlace


@dataclass(frozen=True, kw_only=True)
class EventLimits:
    """Longest event in bytes, and how far an event time may lie after the broker's time.

    attachments: where contents that events only refer to are read from, as in the archive
    """

    max_event_bytes: int
    max_future_skew_seconds: float
    attachments: AttachmentPlace | None = None

    def decoder(self, schema: EventSchema) -> EventDecoder:
        """A decoder of `schema` with these limits; create it on the worker, it does not travel."""
        return EventDecoder(
            schema,
            max_event_bytes=self.max_event_bytes,
            max_future_skew_seconds=self.max_future_skew_seconds,
            attachments=self.attachments.source()
            if schema.attachments and self.attachments
            else None,
        )
