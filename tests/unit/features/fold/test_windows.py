"""Windows against a slow reading of their definitions, against other batches, and at the bound."""

import math
from itertools import pairwise

import numpy as np
import numpy.typing as npt
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from features.definitions import (
    DaysSincePrevious,
    Feature,
    HourOfDay,
    IsBetweenHours,
    IsWeekend,
    RatioToMean,
    WindowCount,
    WindowDistinct,
    WindowMax,
    WindowMean,
    WindowMin,
    WindowStd,
    WindowSum,
    ZScore,
)
from features.events.decode import Events
from features.fold.compiler import compile_plan
from features.fold.fold import distinct, fold
from features.fold.history import HistoryColumns, fold_history, lookup_history
from features.fold.plan import Plan
from features.fold.readout import features_as_of, features_of_states, states_in
from features.fold.state import StateCodec, States
from features.fold.state_errors import StateFormatError
from features.schema import Category, EventSchema, EventType, Number, SchemaError

AMOUNT = Number(name="amount", unit="USD", minimum=-1000, maximum=1000, decimals=2, required=False)
SHOP = Number(name="shop", unit="", minimum=0, maximum=100, integer=True)
NUMBER = Number(name="number", unit="", minimum=0, maximum=10**12, integer=True)
KIND = Category(name="kind", values=("card", "phone"))
SCHEMA = EventSchema(
    entity_field="customer",
    types=(
        EventType(name="payment", meaning="paid", fields=(AMOUNT, SHOP, NUMBER, KIND)),
        EventType(name="visit", meaning="came", fields=(SHOP,)),
    ),
)
PAY = ("payment",)
FEATURES: tuple[Feature, ...] = (
    WindowCount(name="count_2d", on=PAY, days=2),
    WindowCount(name="others_2d", on=PAY, days=2, with_current=False),
    WindowCount(name="both_1d", on=("payment", "visit"), days=1),
    WindowCount(name="by_card_2d", on=PAY, days=2, where=("kind", "card")),
    WindowSum(name="sum_2d", on=PAY, field="amount", days=2),
    WindowMean(name="mean_1h", on=PAY, field="amount", days=1 / 24),
    WindowStd(name="std_2d", on=PAY, field="amount", days=2),
    WindowMin(name="min_2d", on=PAY, field="amount", days=2),
    WindowMax(name="max_2d", on=PAY, field="amount", days=2),
    WindowDistinct(name="shops_2d", on=("payment", "visit"), field="shop", days=2),
    RatioToMean(name="ratio_2d", on=PAY, field="amount", days=2),
    ZScore(name="z_2d", on=PAY, field="amount", days=2),
    DaysSincePrevious(name="since", on=PAY),
    HourOfDay(name="hour"),
    IsWeekend(name="weekend"),
    IsBetweenHours(name="night", from_hour=22, before_hour=6),
)
NAMES = [feature.name for feature in FEATURES]
PLAN = compile_plan(SCHEMA, FEATURES)
HOUR_MS, DAY_MS = 3_600_000, 86_400_000
START_MS = 1_767_225_600_000  # a Thursday

# entity, hour, type, amount, shop, number, kind
Row = tuple[str, float, int, float, int, int, int]
rows = st.tuples(
    st.sampled_from(["a", "b"]),
    # Whole hours make equal times and events on the edges of windows likely.
    st.one_of(st.integers(0, 120).map(float), st.floats(0, 120)),
    st.sampled_from([0, 0, 1]),
    st.one_of(st.just(math.nan), st.integers(-100_000, 100_000).map(lambda cents: cents / 100)),
    st.integers(0, 4),
    st.integers(0, 10**12),
    st.integers(0, 1),
)
histories = st.lists(rows, min_size=1, max_size=40)


def events_of(history: list[Row]) -> Events:
    values = np.full((len(history), 4), np.nan)
    for row, (_, _, event_type, amount, shop, number, kind) in enumerate(history):
        values[row] = (
            (amount, shop, number, kind) if event_type == 0 else (np.nan, shop, *[np.nan] * 2)
        )
    return Events(
        rows=np.arange(len(history)),
        entities=[row[0] for row in history],
        type_codes=np.array([row[2] for row in history]),
        times_ms=np.array([START_MS + int(row[1] * HOUR_MS) for row in history]),
        values=values,
        refusals=[],
    )


def part(events: Events, start: int, end: int) -> Events:
    return Events(
        rows=np.arange(end - start),
        entities=events.entities[start:end],
        type_codes=events.type_codes[start:end],
        times_ms=events.times_ms[start:end],
        values=events.values[start:end],
        refusals=[],
    )


def folded_in_batches(
    plan: Plan, events: Events, cuts: list[int]
) -> tuple[npt.NDArray[np.float64], dict[str, bytes]]:
    """Features and cells when the events come in batches that begin at `cuts`."""
    codec = StateCodec(plan)
    cells: dict[str, bytes] = {}
    features = []
    count = len(events.entities)
    edges = sorted({0, count, *(cut for cut in cuts if cut < count)})
    for start, end in pairwise(edges):
        batch = part(events, start, end)
        entities = distinct(batch.entities)
        states = codec.decode([cells.get(entity) for entity in entities.ids])
        stamps = np.arange(start, end)
        result = fold(plan, states, batch, entity_rows=entities.rows, stamps=stamps, partition=0)
        features.append(result.features)
        cells |= dict(zip(entities.ids, codec.encode(states), strict=True))
    return np.concatenate(features), cells


def slow(events: Events, row: int) -> dict[str, float]:
    """The features at event `row` by their definitions, of all events up to it."""
    mine = [i for i in range(row + 1) if events.entities[i] == events.entities[row]]
    now = max(events.times_ms[i] for i in mine)
    is_payment = events.type_codes[row] == 0

    def within(days: float, *, types: tuple[int, ...] = (0,), current: bool = True) -> list[int]:
        after = now - round(days * DAY_MS)
        inside = [i for i in mine if events.times_ms[i] > after and events.type_codes[i] in types]
        return [i for i in inside if current or i != row]

    def amounts(days: float, *, current: bool = True) -> pd.Series:
        values = events.values[within(days, current=current), 0]
        return pd.Series(values[~np.isnan(values)])

    amount, before = events.values[row, 0], amounts(2, current=False)
    pays = [i for i in mine if events.type_codes[i] == 0]
    gap = math.nan
    if len(pays) > 1:
        latest_before = max(events.times_ms[i] for i in pays[:-1])
        gap = max(0.0, (events.times_ms[pays[-1]] - latest_before) / DAY_MS)
    moment = pd.Timestamp(events.times_ms[row], unit="ms")
    spread = before.std() if len(before) > 1 else math.nan
    return {
        "count_2d": len(within(2)),
        "others_2d": len(within(2, current=False)),
        "both_1d": len(within(1, types=(0, 1))),
        "by_card_2d": sum(events.values[i, 3] == 0 for i in within(2)),
        "sum_2d": amounts(2).sum(),
        "mean_1h": amounts(1 / 24).mean(),
        "std_2d": amounts(2).std() if len(amounts(2)) > 1 else math.nan,
        "min_2d": amounts(2).min(),
        "max_2d": amounts(2).max(),
        "shops_2d": len({events.values[i, 1] for i in within(2, types=(0, 1))}),
        "ratio_2d": amount / before.mean() if is_payment and before.mean() != 0 else math.nan,
        "z_2d": (amount - before.mean()) / spread if is_payment and spread > 0 else math.nan,
        "since": gap,
        "hour": moment.hour,
        "weekend": float(moment.weekday() >= 5),
        "night": float(moment.hour >= 22 or moment.hour < 6),
    }


@settings(max_examples=150, deadline=None)
@given(histories)
def test_windows_are_what_their_definitions_say(history: list[Row]) -> None:
    events = events_of(history)
    features, _ = folded_in_batches(PLAN, events, [])
    for row in range(len(history)):
        expected = slow(events, row)
        for column, name in enumerate(NAMES):
            # Tiny spreads of equal amounts differ in their last bits, and so do ratios by them.
            if name == "z_2d" and abs(expected[name]) > 1e6:
                continue
            assert features[row, column] == pytest.approx(
                expected[name], rel=1e-9, abs=1e-9, nan_ok=True
            ), (row, name)


@settings(max_examples=150, deadline=None)
@given(histories, st.lists(st.integers(0, 40), max_size=6), st.integers(1, 6))
def test_batches_change_no_bit_of_features_or_cells(
    history: list[Row], cuts: list[int], bound: int
) -> None:
    plan = compile_plan(SCHEMA, FEATURES, max_window_events=bound)
    events = events_of(history)
    once, cells = folded_in_batches(plan, events, [])
    often, other_cells = folded_in_batches(plan, events, cuts)
    assert once.tobytes() == often.tobytes()
    assert cells == other_cells


def test_a_late_event_is_put_in_its_place_and_read_as_of_the_latest_time() -> None:
    history: list[Row] = [
        ("a", 0.0, 0, 1.0, 0, 1, 0),
        ("a", 50.0, 0, 2.0, 0, 2, 0),
        ("a", 49.5, 0, 4.0, 0, 3, 0),  # late, inside the windows
        ("a", 1.0, 0, 8.0, 0, 4, 0),  # late, older than every window
    ]
    features, cells = folded_in_batches(PLAN, events_of(history), [])
    assert features[:, NAMES.index("sum_2d")].tolist() == [1.0, 2.0, 6.0, 6.0]
    buffers = StateCodec(PLAN).decode([cells["a"]]).buffers
    assert buffers is not None
    assert PLAN.windows is not None
    amount = [column.field for column in PLAN.windows.columns].index("amount")
    assert buffers.values[:, amount].tolist() == [4.0, 2.0]


def test_beyond_the_bound_the_oldest_go_and_are_counted() -> None:
    plan = compile_plan(SCHEMA, FEATURES, max_window_events=3)
    events = events_of([("a", hour, 0, 1.0, 0, int(hour), 0) for hour in (0.0, 1.0, 2.0, 3.0, 4.0)])
    codec = StateCodec(plan)
    states = codec.empty(1)
    result = fold(
        plan, states, events, entity_rows=np.zeros(5, int), stamps=np.arange(5), partition=0
    )
    assert result.features[:, NAMES.index("count_2d")].tolist() == [1.0, 2.0, 3.0, 3.0, 3.0]
    assert result.dropped == 2
    restored = codec.decode(codec.encode(states)).buffers
    assert restored is not None
    assert restored.dropped.tolist() == [2]
    later = events_of([("a", 100.0, 0, 1.0, 0, 9, 0)])
    again = fold(
        plan, states, later, entity_rows=np.zeros(1, int), stamps=np.arange(1), partition=0
    )
    assert again.dropped == 0  # what no window reaches any more is no loss


def test_memory_of_a_hundred_thousand_events_in_a_minute_stays_bounded() -> None:
    plan = compile_plan(SCHEMA, FEATURES, max_window_events=100)
    events = events_of([("a", i / 6e6, 0, 1.0, i % 5, i, 0) for i in range(100_000)])
    _, cells = folded_in_batches(plan, events, list(range(0, 100_000, 4000)))
    assert len(cells["a"]) < 5_000
    buffers = StateCodec(plan).decode([cells["a"]]).buffers
    assert buffers is not None
    assert buffers.counts.tolist() == [100]
    assert buffers.dropped.tolist() == [99_900]


def test_an_event_that_comes_twice_counts_once() -> None:
    plan = compile_plan(SCHEMA, FEATURES, identity_field="number")
    first: Row = ("a", 1.0, 0, 5.0, 0, 7, 0)
    twin: Row = ("a", 1.0, 0, 5.0, 0, 8, 0)  # another payment of the same moment
    features, _ = folded_in_batches(plan, events_of([first, twin, first]), [1])
    assert features[:, NAMES.index("count_2d")].tolist() == [1.0, 2.0, 2.0]
    assert features[2, NAMES.index("others_2d")] == 1.0


@settings(max_examples=60, deadline=None)
@given(histories)
def test_a_history_in_columns_gives_the_bits_of_the_stream(history: list[Row]) -> None:
    events = events_of(history)
    streamed, _ = folded_in_batches(PLAN, events, [3])
    rows = distinct(events.entities).rows
    columns = HistoryColumns(rows, events.type_codes, events.times_ms, events.values)
    assert fold_history(PLAN, columns).features.tobytes() == streamed.tobytes()


LOOKED_UP = (
    WindowCount(name="count_2d", on=PAY, days=2),
    WindowMean(name="mean_2d", on=PAY, field="amount", days=2),
)


@settings(max_examples=100, deadline=None)
@given(histories, st.floats(0, 130))
def test_a_state_read_as_of_a_time_says_what_a_look_up_in_the_history_says(
    history: list[Row], hour: float
) -> None:
    plan = compile_plan(SCHEMA, LOOKED_UP, identity_field="number", slack_days=30)
    events = events_of(history)
    entities = distinct(events.entities)
    _, cells = folded_in_batches(plan, events, [5])
    states = StateCodec(plan).decode([cells[entity] for entity in entities.ids])
    codes = np.arange(len(entities.ids))
    at_ms = np.full(len(codes), START_MS + int(hour * HOUR_MS))
    columns = HistoryColumns(entities.rows, events.type_codes, events.times_ms, events.values)
    offline = lookup_history(plan, columns, asked_codes=codes, asked_ms=at_ms)
    assert features_as_of(plan, states, codes, at_ms) == pytest.approx(
        offline, rel=1e-12, nan_ok=True
    )


def test_a_look_up_leaves_out_what_is_dated_later() -> None:
    events = events_of([("a", hour, 0, hour, 0, int(hour), 0) for hour in (1.0, 2.0, 3.0)])
    plan = compile_plan(SCHEMA, LOOKED_UP)
    columns = HistoryColumns(np.zeros(3, int), events.type_codes, events.times_ms, events.values)
    at_ms = START_MS + np.array([0, 1, 2, 60]) * HOUR_MS
    features = lookup_history(plan, columns, asked_codes=np.array([0, 0, 0, 5]), asked_ms=at_ms)
    assert features[:, 0].tolist() == [0.0, 1.0, 2.0, 0.0]
    assert features[2, 1] == 1.5
    assert np.isnan(features[3, 1])


def test_windows_of_stored_states_go_on_moving() -> None:
    _, cells = folded_in_batches(PLAN, events_of([("a", 1.0, 0, 5.0, 0, 7, 0)]), [])
    stored = states_in(StateCodec(PLAN), pa_cells(list(cells.values())))
    count = NAMES.index("count_2d")
    now, _ = features_of_states(PLAN, stored, at_ms=None)
    later, _ = features_of_states(PLAN, stored, at_ms=START_MS + 50 * HOUR_MS)
    assert (now[0, count], later[0, count]) == (1.0, 0.0)
    assert np.isnan(now[0, NAMES.index("z_2d")])


def pa_cells(cells: list[bytes]) -> object:
    import pyarrow as pa

    return pa.array(cells, pa.binary())


def test_a_damaged_buffer_is_refused() -> None:
    _, cells = folded_in_batches(PLAN, events_of([("a", 1.0, 0, 5.0, 0, 7, 0)]), [])
    with pytest.raises(StateFormatError, match="bytes, expected"):
        StateCodec(PLAN).decode([cells["a"][:-1]])


def test_what_is_kept_changes_the_digest() -> None:
    digests = {
        compile_plan(SCHEMA, FEATURES).digest,
        compile_plan(SCHEMA, FEATURES, max_window_events=100).digest,
        compile_plan(SCHEMA, FEATURES, identity_field="number").digest,
        compile_plan(SCHEMA, FEATURES, slack_days=1).digest,
    }
    assert len(digests) == 4


@pytest.mark.parametrize(
    ("feature", "message"),
    [
        (WindowSum(name="w", on=("visit",), field="amount", days=1), "reads field 'amount'"),
        (WindowCount(name="w", on=PAY, days=0), "window of 0 days"),
        (WindowCount(name="w", on=PAY, days=1, where=("kind", "fax")), "not a category's value"),
        (IsBetweenHours(name="w", from_hour=25, before_hour=3), "allowed 0 to 24"),
    ],
)
def test_a_window_that_does_not_fit_is_refused_by_name(feature: Feature, message: str) -> None:
    with pytest.raises(SchemaError, match=message):
        compile_plan(SCHEMA, [feature])


def test_states_without_windows_have_no_buffers() -> None:
    plan = compile_plan(SCHEMA, [HourOfDay(name="hour")])
    states: States = StateCodec(plan).empty(2)
    assert states.buffers is None
    assert plan.windows is None
