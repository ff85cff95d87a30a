"""Events of a scenario, re-keyed to its second entity."""

from dataclasses import replace

import msgspec
import numpy as np
import pytest

from features.events.decode import EventDecoder, Records
from features.schema import EventSchema, EventType, Number, SchemaError
from scenarios.contract.keyed import UnknownEntity, keyed_entities, keyed_entity, load_keyed_entity
from scenarios.contract.second_entity import Rekeyed
from streaming.second_entity.rekey import Rekeyer
from tests.scenarios.shops import SCENARIO, SHOP
from tests.support.shop_events import BEGAN_MS, HOUR_MS, payment, records, verdict

KEYED = keyed_entity(SCENARIO, SHOP)
EVENTS, LABELS = "shops.events", "shops.labels"


def rekeyer() -> Rekeyer:
    return Rekeyer(KEYED, max_event_bytes=10_000, max_future_skew_seconds=300)


def test_a_payment_is_told_to_its_shop_with_the_fields_that_the_shop_keeps() -> None:
    result = rekeyer().rekeyed(EVENTS, records([payment(8, shop=3412, hour=1.5, amount_eur=81.51)]))
    (message,) = result.messages.to_pylist()
    assert (message["topic"], message["key"]) == ("shops.shop.events", b"3412")
    assert msgspec.json.decode(message["value"]) == {
        "type": "payment",
        "shop_id": "3412",
        "event_time": "2026-01-01T01:30:00Z",
        "payment_id": 8,
        "amount_eur": 81.51,
    }
    assert (result.sent, result.left_out, result.refused) == (1, 0, 0)


def test_what_is_told_is_decoded_to_the_same_numbers() -> None:
    payments = [payment(10**15 - 1, shop=n, hour=n / 7, amount_eur=0.1 + n) for n in range(20)]
    events = rekeyer().rekeyed(EVENTS, records(payments)).messages.to_pylist()
    events += (
        rekeyer()
        .rekeyed(LABELS, records([verdict(5, shop=7, hour=30, said="fraud")]))
        .messages.to_pylist()
    )
    decoder = EventDecoder(KEYED.schema, max_event_bytes=10_000, max_future_skew_seconds=300)
    again = decoder.decode(
        Records(
            [event["key"] for event in events],
            [event["value"] for event in events],
            np.arange(len(events)),
            np.full(len(events), BEGAN_MS + 1000 * HOUR_MS),
        )
    )
    assert again.refusals == []
    assert again.entities == [*map(str, range(20)), "7"]
    assert again.times_ms[:20].tolist() == [BEGAN_MS + round(n / 7 * HOUR_MS) for n in range(20)]
    columns = KEYED.schema.columns
    assert again.values[:20, columns["amount_eur"]].tolist() == [0.1 + n for n in range(20)]
    assert set(again.values[:20, columns["payment_id"]]) == {1e15 - 1}
    assert again.values[20, columns["verdict"]] == 1.0
    assert again.type_codes.tolist() == [0] * 20 + [1]


def test_refused_events_other_types_and_events_without_a_shop_are_left_out_and_counted() -> None:
    call = (b"c1", b'{"type":"call","customer_id":"c1","event_time":"2026-01-01T00:00:00Z"}')
    result = rekeyer().rekeyed(
        EVENTS,
        records(
            [payment(1, shop=None, hour=1), call, (b"c1", b"{bad"), payment(2, shop=5, hour=1)]
        ),
    )
    assert [message["key"] for message in result.messages.to_pylist()] == [b"5"]
    assert (result.sent, result.left_out, result.refused) == (1, 2, 1)


def test_a_batch_without_anything_to_tell_gives_no_message() -> None:
    result = rekeyer().rekeyed(LABELS, records([(None, None)]))
    assert result.messages.num_rows == 0
    assert result.refused == 1


def test_a_field_that_the_source_does_not_have_is_refused_at_start() -> None:
    tip = Number(name="tip_eur", unit="EUR", minimum=0, maximum=100)
    types = (EventType(name="payment", meaning="a payment", fields=(tip,)),)
    entity = replace(
        SHOP,
        schema=EventSchema(entity_field="shop_id", types=types),
        features=(replace(SHOP.features[0]),),
        sources=SHOP.sources[:1],
        identity_field=None,
    )
    with pytest.raises(SchemaError, match=r"copies \['tip_eur'\] from event type 'payment'"):
        keyed_entity(SCENARIO, entity)


def test_a_topic_that_is_neither_events_nor_labels_is_refused_at_start() -> None:
    entity = replace(SHOP, sources=(Rekeyed(topic_kind="review", event_type="payment"),))
    with pytest.raises(SchemaError, match="not 'review'"):
        keyed_entity(SCENARIO, entity)


def test_second_entities_are_found_by_name() -> None:
    assert [entity.name for entity in keyed_entities(SCENARIO)] == ["shops.shop"]
    assert load_keyed_entity("shops.shop", "tests.scenarios.shops").plan.digest == SHOP.plan.digest
    with pytest.raises(UnknownEntity, match=r"no second entity 'till': \['shop'\]"):
        keyed_entities(SCENARIO, named="till")
