"""One Kafka record of a scenario, before it is published."""

from collections.abc import Mapping
from dataclasses import dataclass

import msgspec

EVENTS, LABELS = "events", "labels"


@dataclass(frozen=True, kw_only=True)
class Record:
    """A record for the scenario's topic `topic_kind`; keys and values are the bytes as sent.

    `kind` is the event type, or the reason code (features/events/reasons.py) of an event made to be
    refused; then `is_bad` is true.
    """

    topic_kind: str
    kind: str
    key: bytes | None
    value: bytes | None
    is_bad: bool = False


def record_of(event: Mapping[str, object], *, key: str, topic_kind: str = EVENTS) -> Record:
    """A well-formed record of `event`, keyed by the entity id `key`."""
    value = msgspec.json.encode(event)
    return Record(topic_kind=topic_kind, kind=str(event["type"]), key=key.encode(), value=value)
