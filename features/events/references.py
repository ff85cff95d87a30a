"""Events whose attachments are stored elsewhere: their contents become references in the text."""

from collections.abc import Mapping

from features.attachments import Reading
from features.events.fast import kernel
from features.events.json_members import MemberReader


def with_references(raw: bytes, readings: Mapping[str, Reading]) -> bytes:
    """The valid event `raw` with a reference for each content that it carries.

    readings: field → what is attached. Nothing but these strings changes: every other byte stays,
    and the event has the same values when it is read again.
    """
    members = MemberReader().members(raw)
    if isinstance(members, tuple):
        raise ValueError(f"the event is no valid one: {members}")
    places = ((members[name.encode()], reading) for name, reading in readings.items())
    pairs = [
        (place[kernel.BEGIN], place[kernel.END], reading.content.reference.encode())
        for place, reading in places
        if reading.is_new
    ]
    for begin, end, reference in sorted(pairs, reverse=True):
        raw = raw[:begin] + reference + raw[end:]
    return raw
