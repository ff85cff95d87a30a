"""Records of the churn scenario through the engine's own decoder and fold."""

from collections.abc import Iterable

import numpy as np
import numpy.typing as npt

from features.events.decode import EventDecoder, Events, Records
from features.fold.fold import distinct, fold
from features.schema import EventSchema
from scenarios.churn.scenario import SCENARIO
from scenarios.simulation.records import Record

MAX_EVENT_BYTES = 200_000
ARRIVAL_MS = 1_790_000_000_000  # September 2026


def decoded(records: Iterable[Record], schema: EventSchema = SCENARIO.schema) -> Events:
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


def folded(events: Events) -> tuple[list[str], npt.NDArray[np.float64]]:
    """Entity ids and the features after each one's last event."""
    entities = distinct(events.entities)
    result = fold(
        SCENARIO.plan,
        SCENARIO.codec.empty(len(entities.ids)),
        events,
        entity_rows=entities.rows,
        stamps=np.arange(len(events.entities)),
        partition=0,
    )
    return entities.ids, result.features[entities.last_event]
