"""Labels that belong to single events, and training rows with features of a second entity."""

import json
import math
from collections.abc import Sequence
from datetime import UTC, datetime

import pytest
from pyspark.sql import DataFrame, SparkSession

from batch.records.limits import EventLimits
from batch.training_sets.rows import TrainingOptions, training_rows
from batch.training_sets.training_set import training_set_of
from features.definitions import LastValue, WindowCount, WindowMean
from features.schema import Category, EventSchema, EventType, Number, SchemaError
from scenarios.contract.policy import Band, Policy, Rule
from scenarios.contract.scenario import Label, Scenario
from scenarios.contract.second_entity import Rekeyed, SecondEntity

HOUR_MS = 3_600_000
LIMITS = EventLimits(max_event_bytes=100_000, max_future_skew_seconds=300)
OPTIONS = TrainingOptions(limits=LIMITS, as_of_ms=1000 * HOUR_MS)
NUMBER = Number(name="number", unit="", minimum=0, maximum=10**9, integer=True)
TILL = Number(name="till", unit="", minimum=0, maximum=10**6, integer=True)
AMOUNT = Number(name="amount", unit="EUR", minimum=0, maximum=1e6, decimals=2)
VERDICT = Category(name="verdict", values=("genuine", "fraud"))

Row = tuple[bytes, bytes, int, int, datetime, int]


def cards(*, field: str = "number") -> Scenario:
    """Payments at tills, labelled one by one."""
    payment = EventType(name="payment", meaning="a payment", fields=(NUMBER, TILL, AMOUNT))
    verdict = EventType(name="verdict", meaning="fraud or not", fields=(NUMBER, TILL, VERDICT))
    till = SecondEntity(
        name="till",
        key_field="till",
        schema=EventSchema(
            entity_field="till",
            types=(EventType(name="verdict", meaning="fraud or not", fields=(NUMBER, VERDICT)),),
        ),
        features=(
            WindowCount(name="till_verdicts_2d", on=("verdict",), days=2),
            WindowMean(name="till_fraud_2d", on=("verdict",), field="verdict", days=2),
        ),
        sources=(Rekeyed(topic_kind="labels", event_type="verdict"),),
        identity_field="number",
    )
    return Scenario(
        name="cards",
        title="Cards",
        schema=EventSchema(entity_field="card", types=(payment,)),
        features=(
            LastValue(name="amount", on=("payment",), field="amount"),
            WindowCount(name="payments_1d", on=("payment",), days=1),
        ),
        label=Label(
            schema=EventSchema(entity_field="card", types=(verdict,)),
            event_type="verdict",
            field="verdict",
            positive="fraud",
            maturity_days=0.0,
            of_event=("payment", field),
        ),
        policy=Policy(
            bands=(Band(name="all", lowest_score=0.0),),
            rules=(Rule(action="none", bands=("all",)),),
            valid_days=1,
        ),
        estimator=lambda seed: seed,
        second_entities=(till,),
    )


def record(
    kind: str, card: str, hour: float, offset: int, *, arrived_hour: float, **fields: object
) -> Row:
    moment = datetime.fromtimestamp(hour * 3600, UTC).isoformat(timespec="milliseconds")
    event = {"type": kind, "card": card, "event_time": moment, **fields}
    arrival = datetime.fromtimestamp(arrived_hour * 3600, UTC)
    return card.encode(), json.dumps(event).encode(), 0, offset, arrival, 1


def frame(spark: SparkSession, rows: Sequence[Row]) -> DataFrame:
    columns = "key binary, value binary, partition int, offset bigint, timestamp timestamp"
    return spark.createDataFrame(list(rows), f"{columns}, epoch int")


def payment(card: str, hour: float, offset: int, *, number: int, amount: float = 1.0) -> Row:
    fields = {"number": number, "till": 5, "amount": amount}
    return record("payment", card, hour, offset, arrived_hour=500, **fields)


def verdict(card: str, hour: float, offset: int, *, number: int, outcome: str) -> Row:
    fields = {"number": number, "till": 5, "verdict": outcome}
    return record("verdict", card, hour, offset, arrived_hour=600, **fields)


def test_each_label_gets_the_features_of_its_own_event_and_of_the_till_by_then(
    spark: SparkSession,
) -> None:
    events = frame(
        spark,
        [
            payment("ann", 10, 0, number=1, amount=1.0),
            payment("ann", 12, 1, number=2, amount=2.0),
            payment("ann", 12, 2, number=2, amount=2.0),  # published twice: the first counts
            payment("bob", 60, 3, number=3, amount=3.0),
        ],
    )
    labels = frame(
        spark,
        [
            verdict("ann", 40, 0, number=1, outcome="fraud"),
            verdict("ann", 42, 1, number=2, outcome="genuine"),
            verdict("ann", 42, 2, number=2, outcome="genuine"),
            verdict("bob", 90, 3, number=3, outcome="genuine"),
            verdict("bob", 90, 4, number=99, outcome="fraud"),  # of no payment
        ],
    )
    rows = training_rows(events, labels, cards(), options=OPTIONS)
    rows_by_amount = {row.amount: row for row in rows.collect()}
    assert {amount: (row.label, row.offset) for amount, row in rows_by_amount.items()} == {
        1.0: (1, 0),
        2.0: (0, 1),
        3.0: (0, 3),
    }
    assert rows_by_amount[2.0].payments_1d == 2.0
    assert rows_by_amount[1.0].till_verdicts_2d == 0.0
    assert math.isnan(rows_by_amount[1.0].till_fraud_2d)
    assert (rows_by_amount[3.0].till_verdicts_2d, rows_by_amount[3.0].till_fraud_2d) == (2.0, 0.5)
    table = training_set_of(rows, cards().feature_names, counts={})
    assert table.entities == ["ann", "ann", "bob"]
    assert table.features.shape == (3, 4)


def test_a_label_known_before_its_event_arrived_gives_no_row(spark: SparkSession) -> None:
    events = frame(spark, [payment("ann", 10, 0, number=1)])
    early = record("verdict", "ann", 40, 0, arrived_hour=499, number=1, till=5, verdict="fraud")
    rows = training_rows(events, frame(spark, [early]), cards(), options=OPTIONS)
    assert rows.count() == 0


def test_labels_must_name_their_event_by_a_whole_number_of_both() -> None:
    with pytest.raises(SchemaError, match="no whole-number field of 'payment'"):
        cards(field="amount")
