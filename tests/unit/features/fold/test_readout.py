"""What states say without an event, against what the fold said with their last one."""

import math

import msgspec
import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from features.events.decode import EventDecoder, Events, Records
from features.fold.fold import Folded, distinct, fold
from features.fold.readout import features_of_states, states_in
from features.fold.state import States
from features.fold.state_errors import DefinitionsChanged, StateFormatError
from tests.scenarios.tiny import SCENARIO
from tests.support.tiny_model import reading

PLAN, CODEC = SCENARIO.plan, SCENARIO.codec
HEAT = PLAN.feature_names.index("heat")
START_MS = 1_767_225_600_000
HALF_LIFE_MS = 864_000


def repair(machine: str, *, seconds: float, parts: int) -> bytes:
    moment = np.datetime64(START_MS + int(seconds * 1000), "ms").item().isoformat() + "Z"
    event = {"type": "repair", "machine": machine, "event_time": moment, "parts": parts}
    return msgspec.json.encode(event)


def decoded(keys: list[str], values: list[bytes]) -> Events:
    decoder = EventDecoder(SCENARIO.schema, max_event_bytes=10_000, max_future_skew_seconds=300)
    count = len(values)
    arrived_ms = np.full(count, START_MS + 10**10)
    events = decoder.decode(
        Records([k.encode() for k in keys], list(values), np.arange(count), arrived_ms)
    )
    assert events.refusals == []
    return events


def folded(events: Events) -> tuple[Folded, States, np.ndarray[tuple[int], np.dtype[np.int64]]]:
    """The fold of all events, the final states, and each entity's last event."""
    entities = distinct(events.entities)
    states = CODEC.empty(len(entities.ids))
    stamps = np.arange(len(events.rows))
    fold_result = fold(PLAN, states, events, entity_rows=entities.rows, stamps=stamps, partition=0)
    return fold_result, states, entities.last_event


machines = st.sampled_from(["a", "b", "ö:c", "d"])
seconds = st.floats(0, 100_000)  # in any order: late events are as likely as early ones
temperatures = st.floats(-50, 300)
readings = st.builds(
    lambda machine, at, hot: (machine, reading(machine, seconds=at, temperature_c=hot)),
    machines,
    seconds,
    temperatures,
)
repairs = st.builds(
    lambda machine, at, parts: (machine, repair(machine, seconds=at, parts=parts)),
    machines,
    seconds,
    st.integers(0, 20),
)
histories = st.lists(st.one_of(readings, repairs), min_size=1, max_size=40)


@settings(deadline=None)
@given(histories)
def test_a_state_says_to_the_bit_what_was_logged_with_its_last_event(
    history: list[tuple[str, bytes]],
) -> None:
    fold_result, states, last = folded(
        decoded([key for key, _ in history], [raw for _, raw in history])
    )
    stored = states_in(CODEC, pa.array(CODEC.encode(states), pa.binary()))
    for state_set in (states, stored):
        features, as_of_ms = features_of_states(PLAN, state_set, at_ms=None)
        assert features.tobytes() == fold_result.features[last].tobytes()
        assert as_of_ms.tolist() == fold_result.as_of_ms[last].tolist()


def test_as_of_a_later_moment_sums_have_decayed_and_the_state_is_untouched() -> None:
    _, states, _ = folded(decoded(["m"], [reading("m", seconds=0, temperature_c=80.0)]))
    before = states.slots.copy()
    features, as_of_ms = features_of_states(PLAN, states, at_ms=START_MS + HALF_LIFE_MS)
    assert features[0, HEAT] == pytest.approx(40.0)
    assert as_of_ms.tolist() == [START_MS + HALF_LIFE_MS]
    assert states.slots.tobytes() == before.tobytes()


def test_as_of_an_earlier_moment_is_as_of_the_latest_event() -> None:
    _, states, _ = folded(decoded(["m"], [reading("m", seconds=100, temperature_c=80.0)]))
    features, as_of_ms = features_of_states(PLAN, states, at_ms=START_MS)
    assert as_of_ms.tolist() == [START_MS + 100_000]
    assert features[0, HEAT] == 80.0


def test_cells_are_read_from_any_part_of_an_arrow_column() -> None:
    _, states, _ = folded(
        decoded(list("abc"), [reading(m, seconds=1, temperature_c=9.0) for m in "abc"])
    )
    column = pa.array([b"other", *CODEC.encode(states)], pa.binary()).slice(2)
    part = states_in(CODEC, column)
    assert len(part) == 2
    assert part.slots.tobytes() == states.slots[1:].tobytes()
    assert part.first_stamp.tolist() == states.first_stamp.tolist()[1:]
    assert len(states_in(CODEC, pa.array([], pa.binary()))) == 0


def test_a_repair_alone_leaves_the_temperature_missing() -> None:
    _, states, _ = folded(decoded(["m"], [repair("m", seconds=0, parts=2)]))
    features, _ = features_of_states(PLAN, states, at_ms=None)
    assert math.isnan(features[0, 0])


def test_a_cell_of_other_definitions_or_length_is_refused_not_misread() -> None:
    cell = CODEC.encode(CODEC.empty(1))[0]
    foreign = cell[:2] + bytes(8) + cell[10:]
    with pytest.raises(DefinitionsChanged, match="rebuild_state"):
        states_in(CODEC, pa.array([cell, foreign], pa.binary()))
    with pytest.raises(StateFormatError, match="bytes, expected"):
        states_in(CODEC, pa.array([cell, cell[:-1]], pa.binary()))
