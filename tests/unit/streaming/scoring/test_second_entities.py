"""What the scoring pass reads of second entities: of the right one, as of the right time."""

import math

import numpy as np
import numpy.typing as npt
import pytest

from features.events.decode import EventDecoder
from features.fold.fold import distinct, fold
from scenarios.contract.keyed import keyed_entity
from streaming.position.refusals import StateUnreadable
from streaming.scoring.second_entities import SecondEntityReader
from streaming.second_entity.rekey import Rekeyer
from tests.scenarios import tiny
from tests.scenarios.shops import SCENARIO, SHOP
from tests.support.shop_events import BEGAN_MS, HOUR_MS, Record, payment, records, verdict
from tests.support.tiny_archive import MemoryTable

KEYED = keyed_entity(SCENARIO, SHOP)
SHOPS_COLUMN = SCENARIO.schema.columns["shop_id"]
NO_EVENTS = [0.0, math.nan, 0.0, math.nan]


def states_after(payments: list[Record], verdicts: list[Record]) -> MemoryTable:
    """The states of all shops in memory."""
    rekeyer = Rekeyer(KEYED, max_event_bytes=10_000, max_future_skew_seconds=300)
    shop_messages = [
        (row["key"], row["value"])
        for topic, source_records in (("shops.events", payments), ("shops.labels", verdicts))
        for row in rekeyer.rekeyed(topic, records(source_records)).messages.to_pylist()
    ]
    decoder = EventDecoder(KEYED.schema, max_event_bytes=10_000, max_future_skew_seconds=300)
    events = decoder.decode(records(shop_messages))
    entities = distinct(events.entities)
    states = KEYED.codec.empty(len(entities.ids))
    stamps = np.arange(len(events.rows))
    fold(KEYED.plan, states, events, entity_rows=entities.rows, stamps=stamps, partition=0)
    table = MemoryTable()
    table.write(entities.ids, KEYED.codec.encode(states), None, position=1)
    return table


def payments_at(
    shops: list[float], hours: list[float]
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.int64]]:
    """Values of payments at `shops` (NaN: none) and the times they are scored as of."""
    values = np.full((len(shops), len(SCENARIO.schema.columns)), np.nan)
    values[:, SHOPS_COLUMN] = shops
    return values, np.array([BEGAN_MS + round(hour * HOUR_MS) for hour in hours])


def test_each_payment_gets_the_features_of_its_own_shop_at_its_own_time() -> None:
    table = states_after(
        [
            payment(1, shop=5, hour=1, amount_eur=10),
            payment(2, shop=5, hour=2, amount_eur=30),
            payment(3, shop=5, hour=40, amount_eur=50),
            payment(4, shop=6, hour=2, amount_eur=7),
        ],
        [verdict(1, shop=5, hour=25, said="fraud"), verdict(2, shop=5, hour=26)],
    )
    reader = SecondEntityReader(SCENARIO, [table])
    result = reader.features(*payments_at([5, 6, 5, 5, 5], [2, 3, 1.5, 25.5, 41]))
    expected = [
        [2, 20, 0, math.nan],
        [1, 7, 0, math.nan],
        [1, 10, 0, math.nan],
        [1, 20, 1, 1.0],
        [1, 30, 2, 0.5],
    ]
    np.testing.assert_array_equal(result.features, expected)
    assert result.unknown == 0


def test_an_unknown_shop_has_empty_windows_and_is_counted_one_that_is_not_named_is_not() -> None:
    reader = SecondEntityReader(SCENARIO, [states_after([payment(1, shop=5, hour=1)], [])])
    result = reader.features(*payments_at([5, 77, math.nan, 77], [2, 2, 2, 2]))
    np.testing.assert_array_equal(result.features, [[1, 10, 0, math.nan], *[NO_EVENTS] * 3])
    assert result.unknown == 2


def test_nothing_to_ask_and_no_second_entity_give_empty_blocks() -> None:
    reader = SecondEntityReader(SCENARIO, [MemoryTable()])
    assert reader.features(*payments_at([], [])).features.shape == (0, 4)
    none = SecondEntityReader(tiny.SCENARIO, [])
    assert none.features(np.zeros((3, 3)), np.zeros(3, np.int64)).features.shape == (3, 0)


def test_states_of_other_definitions_are_refused_with_the_command_that_derives_them_anew() -> None:
    table = states_after([payment(1, shop=5, hour=1)], [])
    ((position, cell),) = table.states["5"]
    table.states["5"] = [(position, cell[:2] + bytes(8) + cell[10:])]
    with pytest.raises(
        StateUnreadable,
        match=r"definitions 0{16}.*maintain_features --scenario shops --entity shop --from-scratch",
    ):
        SecondEntityReader(SCENARIO, [table]).features(*payments_at([5], [2]))
