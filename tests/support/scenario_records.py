"""Records of a scenario through the engine's own decoder and fold, without any service."""

from collections.abc import Iterable

import numpy as np

from features.events.decode import EventDecoder, Events, Records
from features.fold.fold import distinct, fold
from features.schema import EventSchema
from scenarios.contract.scenario import Scenario
from scenarios.simulation.records import Record

MAX_EVENT_BYTES = 200_000
ARRIVAL_MS = 1_790_000_000_000  # September 2026


def decoded(records: Iterable[Record], schema: EventSchema) -> Events:
    """The records as one batch of one partition; what is refused stands in `refusals`."""
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


def features_after(records: Iterable[Record], scenario: Scenario) -> dict[str, float]:
    """The scenario's own features by name right after the last record; none may be refused."""
    events = decoded(records, scenario.schema)
    assert events.refusals == []
    entities = distinct(events.entities)
    result = fold(
        scenario.plan,
        scenario.codec.empty(len(entities.ids)),
        events,
        entity_rows=entities.rows,
        stamps=np.arange(len(events.entities)),
        partition=0,
    )
    return dict(zip(scenario.plan.feature_names, result.features[-1].tolist(), strict=True))
