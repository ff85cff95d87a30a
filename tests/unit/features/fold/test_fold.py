"""The fold against a slow reading of the definitions, and against itself in other batches."""

import math
from dataclasses import dataclass
from itertools import pairwise

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from features import definitions
from features.definitions import (
    Count,
    DaysSince,
    DecayedCount,
    Feature,
    LastValue,
    Level,
    Mean,
)
from features.events.decode import EventDecoder, Events, Records
from features.fold.compiler import compile_plan
from features.fold.fold import distinct, fold
from features.fold.state import StateCodec
from features.schema import Category, EventSchema, EventType, Number, SchemaError

MINUTES = Number(name="minutes", unit="min", minimum=0, maximum=100)
REASON = Category(name="reason", values=("billing", "complaint"))
BALANCE = Number(name="balance", unit="EUR", minimum=-1000, maximum=1000)
SCHEMA = EventSchema(
    entity_field="customer",
    types=(
        EventType(name="account", meaning="a balance is stated", fields=(BALANCE,)),
        EventType(name="call", meaning="a call", fields=(MINUTES, REASON)),
    ),
)
FEATURES = (
    Count(name="calls", on=("call",)),
    Count(name="complaints", on=("call",), where=("reason", "complaint")),
    Mean(name="minutes_mean", on=("call",), field="minutes"),
    LastValue(name="reason", on=("call",), field="reason"),
    DaysSince(name="since_call", on=("call",)),
    DecayedCount(name="recent", on=("call",), half_life_days=2.0),
    Level(name="balance", stated_by=("account", "balance"), moved_by=(("call", "minutes"),)),
)
PLAN = compile_plan(SCHEMA, FEATURES)
DAY_MS = 86_400_000
START_MS = 1_767_225_600_000

calls = st.builds(
    lambda customer, day, minutes, reason: (
        customer,
        START_MS + int(day * DAY_MS),
        {"type": "call", "minutes": minutes, "reason": reason},
    ),
    st.sampled_from(["a", "b", "ö c:d"]),
    st.floats(0, 20),
    st.floats(0, 100),
    st.sampled_from(["billing", "complaint"]),
)
accounts = st.builds(
    lambda customer, day, balance: (
        customer,
        START_MS + int(day * DAY_MS),
        {"type": "account", "balance": balance},
    ),
    st.sampled_from(["a", "b"]),
    st.floats(0, 20),
    st.floats(-1000, 1000),
)
histories = st.lists(st.one_of(calls, accounts), min_size=1, max_size=40)
History = list[tuple[str, int, dict[str, object]]]


def decoded(history: History) -> Events:
    """The history as the decoder gives it."""
    values = []
    for customer, time_ms, event in history:
        moment = np.datetime64(time_ms, "ms").item().isoformat(timespec="milliseconds") + "Z"
        values.append(msgspec.json.encode({"customer": customer, "event_time": moment, **event}))
    records = Records(
        [customer.encode() for customer, _, _ in history],
        values,
        np.arange(len(history)),
        np.full(len(history), START_MS + 30 * DAY_MS),
    )
    decoder = EventDecoder(SCHEMA, max_event_bytes=10_000, max_future_skew_seconds=300)
    events = decoder.decode(records)
    assert events.refusals == []
    return events


def folded(history: History, cuts: list[int]) -> tuple[list[list[float]], dict[str, bytes]]:
    """Features of all events and final cells, with states stored and read back at `cuts`."""
    codec = StateCodec(PLAN)
    cells: dict[str, bytes] = {}
    features: list[list[float]] = []
    edges = sorted({0, len(history), *(cut % len(history) for cut in cuts)})
    for begin, end in pairwise(edges):
        events = decoded(history[begin:end])
        entities = distinct(events.entities)
        states = codec.decode([cells.get(entity) for entity in entities.ids])
        stamps = np.arange(begin, end)
        result = fold(PLAN, states, events, entity_rows=entities.rows, stamps=stamps, partition=0)
        features += result.features.tolist()
        cells |= dict(zip(entities.ids, codec.encode(states), strict=True))
    return features, cells


def expected(history: History, upto: int) -> list[float]:
    """The features of event `upto`, straight from the definitions."""
    customer = history[upto][0]
    past = [(time_ms, event) for who, time_ms, event in history[: upto + 1] if who == customer]
    now = max(time_ms for time_ms, _ in past)
    called = [(time_ms, event) for time_ms, event in past if event["type"] == "call"]
    balance = math.nan
    for _, event in past:
        if event["type"] == "account":
            balance = float(event["balance"])  # type: ignore[arg-type]
        else:
            minutes = float(event["minutes"])  # type: ignore[arg-type]
            balance = minutes if math.isnan(balance) else balance + minutes
    return [
        len(called),
        sum(event["reason"] == "complaint" for _, event in called),
        float(np.mean([event["minutes"] for _, event in called])) if called else math.nan,
        ["billing", "complaint"].index(str(called[-1][1]["reason"])) if called else math.nan,
        (now - max(time_ms for time_ms, _ in called)) / DAY_MS if called else math.nan,
        sum(2.0 ** (-(now - time_ms) / DAY_MS / 2.0) for time_ms, _ in called),
        balance,
    ]


@given(histories)
@settings(deadline=None, max_examples=60)
def test_features_are_what_their_definitions_say_in_any_order_of_event_times(
    history: History,
) -> None:
    features, _ = folded(history, [])
    for row in range(len(history)):
        assert features[row] == pytest.approx(expected(history, row), nan_ok=True, rel=1e-9)


@given(histories, st.lists(st.integers(0, 100), max_size=6))
@settings(deadline=None, max_examples=60)
def test_features_and_states_are_equal_to_the_bit_wherever_batches_are_cut(
    history: History, cuts: list[int]
) -> None:
    whole, whole_cells = folded(history, [])
    cut, cut_cells = folded(history, cuts)
    assert np.array(whole).tobytes() == np.array(cut).tobytes()
    assert whole_cells == cut_cells


def test_a_feature_of_an_unknown_field_is_refused_with_the_known_ones() -> None:
    with pytest.raises(SchemaError, match=r"'seconds'.*'call'.*minutes"):
        compile_plan(SCHEMA, [Mean(name="m", on=("call",), field="seconds")])


@dataclass(frozen=True, kw_only=True)
class Declared(definitions._OnEvents):
    """A kind of feature that is declared, but not compiled."""


@dataclass(frozen=True, kw_only=True)
class DeclaredWindow(definitions._Windowed):
    """A kind of window that is declared, but not compiled."""


@pytest.mark.parametrize(
    ("feature", "message"),
    [
        (Declared(name="n", on=("call",)), r"'n'.*compiler\.py.*Declared"),
        (DeclaredWindow(name="n", on=("call",), days=1), r"'n'.*windows\.py.*DeclaredWindow"),
    ],
)
def test_a_kind_that_is_declared_but_not_compiled_is_refused(
    feature: Feature, message: str
) -> None:
    with pytest.raises(SchemaError, match=message):
        compile_plan(SCHEMA, [feature, *FEATURES])


@pytest.mark.parametrize("half_life_days", [0.0, -1.0, math.nan])
def test_a_half_life_that_is_none_is_refused_by_name(half_life_days: float) -> None:
    feature = DecayedCount(name="recent", on=("call",), half_life_days=half_life_days)
    with pytest.raises(SchemaError, match=r"'recent'.*half-life"):
        compile_plan(SCHEMA, [feature])


def test_other_definitions_have_another_digest_and_words_do_not_count() -> None:
    worded = (Count(name="calls", on=("call",), words="{value} calls"), *FEATURES[1:])
    assert compile_plan(SCHEMA, worded).digest == PLAN.digest
    assert compile_plan(SCHEMA, FEATURES[1:]).digest != PLAN.digest
