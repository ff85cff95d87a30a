"""Events whose attachments are stored elsewhere: their contents become references in the text."""

from collections.abc import Sequence

from features.attachments import Reading
from features.events.fast import kernel
from features.events.json_members import MemberReader
from features.schema import Attachment, EventType


def with_references(raw: bytes, event_type: EventType, readings: Sequence[Reading]) -> bytes:
    """The valid event `raw` of `event_type` with a reference for each content that it carries.

    readings: what is attached to it, in the order of the fields. Nothing but these strings changes:
    every other byte stays, and the event has the same values when it is read again.
    """
    members = MemberReader().members(raw)
    if isinstance(members, tuple):
        raise ValueError(f"the event is no valid one: {members}")
    names = (field.name.encode() for field in event_type.fields if isinstance(field, Attachment))
    places = [members[name] for name in names if name in members]
    pairs = [
        (place[kernel.BEGIN], place[kernel.END], reading.content.reference.encode())
        for place, reading in zip(places, readings, strict=True)
        if reading.is_new
    ]
    for begin, end, reference in sorted(pairs, reverse=True):
        raw = raw[:begin] + reference + raw[end:]
    return raw
