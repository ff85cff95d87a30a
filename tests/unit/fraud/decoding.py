"""Records of the fraud scenario through the engine's own decoder."""

from collections.abc import Iterable

import numpy as np

from features.events.decode import EventDecoder, Events, Records
from features.schema import EventSchema
from scenarios.fraud.events import SCHEMA
from scenarios.simulation.records import Record

MAX_EVENT_BYTES = 200_000
ARRIVAL_MS = 1_790_000_000_000  # September 2026


def decoded(records: Iterable[Record], schema: EventSchema = SCHEMA) -> Events:
    """The records as one batch of one partition."""
    listed = list(records)
    decoder = EventDecoder(schema, max_event_bytes=MAX_EVENT_BYTES, max_future_skew_seconds=300)
    return decoder.decode(
        Records(
            keys=[record.key for record in listed],
            values=[record.value for record in listed],
            offsets=np.arange(len(listed)),
            timestamps_ms=np.full(len(listed), ARRIVAL_MS),
        )
    )
