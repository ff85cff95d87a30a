"""Events as a caller posts them, made into the Kafka records that the decoder reads."""

from collections.abc import Mapping, Sequence
from datetime import UTC
from typing import Any

import msgspec
import numpy as np

from features.events.decode import EventDecoder, Events, Records
from features.schema import TIME_FIELD, EventSchema
from serving.scoring.errors import EventsRefused
from stores.hbase.predictions import utc

_members = msgspec.json.Decoder(dict[str, msgspec.Raw])


def entity_in(raw: bytes, schema: EventSchema) -> str | None:
    """The entity that an event names; None where it names none as a string."""
    try:
        member = _members.decode(raw).get(schema.entity_field)
        entity = None if member is None else msgspec.json.decode(member)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return None
    return entity if isinstance(entity, str) else None


def completed_event(
    event: bytes | Mapping[str, Any], schema: EventSchema, *, entity: str, now_ms: int
) -> bytes:
    """The event as JSON, with `entity` and the current time where it names none.

    Bytes are completed as they are, so that the decoder judges what the caller has written.
    """
    raw = event if isinstance(event, bytes) else msgspec.json.encode(event)
    try:
        names = _members.decode(raw).keys()
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return raw  # the decoder says what is wrong with it
    moment = utc(now_ms).astimezone(UTC).isoformat(timespec="milliseconds")
    defaults = {schema.entity_field: entity, TIME_FIELD: moment}
    missing = {name: text for name, text in defaults.items() if name not in names}
    if not missing:
        return raw
    members = msgspec.json.encode(missing)[1:-1]
    begin = raw.index(b"{") + 1
    return b"%b%b%b%b" % (raw[:begin], members, b"," if names else b"", raw[begin:])


def decoded_events(
    decoder: EventDecoder, values: Sequence[bytes], *, key: bytes | None, now_ms: int
) -> Events:
    """`values` as the stream would read them under `key`, arriving at `now_ms`.

    Raises `EventsRefused` when one or more are refused.
    """
    records = Records(
        keys=[key] * len(values),
        values=list(values),
        offsets=np.arange(len(values), dtype=np.int64),
        timestamps_ms=np.full(len(values), now_ms, dtype=np.int64),
    )
    events = decoder.decode(records)
    if events.refusals:
        raise EventsRefused(events.refusals, total=len(values))
    return events
