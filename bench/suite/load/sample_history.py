"""A few customers' made-up past, folded for real: feature rows to fit on, states to start from."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from bench.suite.load.times import Wanted, spread_times
from bench.suite.load.workloads import Workload
from features.events.decode import EventDecoder, Records
from features.fold.fold import distinct, fold
from features.fold.readout import features_as_of
from features.fold.state import States
from scenarios.contract.scenario import Scenario

CUSTOMERS = 2_000
EVENTS_EACH = 20
_DAYS = 30.0
_SEED = 7
_MAX_EVENT_BYTES = 1 << 20


@dataclass(frozen=True)
class History:
    """States of 2,000 customers after 20 events each, and every event's feature row.

    features float64 (events, names), the columns of `Scenario.feature_names`; those of
    second entities are as of entities without any event.
    """

    states: States
    features: npt.NDArray[np.float64]


def sample_history(workload: Workload, scenario: Scenario, *, until_ms: int) -> History:
    """The history, its last event at `until_ms` (UTC epoch ms); stamps are of epoch 0."""
    customers = np.tile(np.arange(CUSTOMERS, dtype=np.int64), EVENTS_EACH)
    times_ms = spread_times(len(customers), until_ms=until_ms, days=_DAYS)
    wanted = Wanted(customers=customers, times_ms=times_ms)
    values = workload.events(np.random.default_rng(_SEED), wanted)
    keys = [b"%d" % customer for customer in customers.tolist()]
    records = Records(keys, values, np.arange(len(keys)), np.full(len(keys), until_ms))
    decoder = EventDecoder(
        scenario.schema, max_event_bytes=_MAX_EVENT_BYTES, max_future_skew_seconds=0.0
    )
    events = decoder.decode(records)
    entities = distinct(events.entities)
    states = scenario.codec.empty(len(entities.ids))
    stamps = np.arange(len(events.rows))
    folded = fold(
        scenario.plan, states, events, entity_rows=entities.rows, stamps=stamps, partition=0
    )
    second = [
        features_as_of(
            second_entity.plan, second_entity.codec.empty(1), np.zeros(1, np.int64), times_ms[-1:]
        )
        for second_entity in scenario.second_entities
    ]
    unknown = [np.repeat(row, len(folded.features), axis=0) for row in second]
    return History(states, np.hstack([folded.features, *unknown]))
