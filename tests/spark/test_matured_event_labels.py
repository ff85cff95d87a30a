"""Periods of a scenario whose labels are of single events: each prediction is a case."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from pyspark.sql import SparkSession

from batch.records.limits import EventLimits
from batch.training_sets.acted_on import Acts
from features.definitions import LastValue
from features.schema import Category, EventSchema, EventType, Number
from monitoring.cases import Period
from monitoring.matured.options import MaturedOptions
from monitoring.matured.read import read_periods
from monitoring.period_data import PeriodData
from scenarios.contract.policy import Band, Policy, Rule
from scenarios.contract.scenario import Label, Scenario
from stores.delta.tables import DeltaPlace
from tests.support.archives import Row, place_in, write_archive

NUMBER = Number(name="number", unit="", minimum=0, maximum=10**9, integer=True)
AMOUNT = Number(name="amount", unit="EUR", minimum=0, maximum=1e6)
VERDICT = Category(name="verdict", values=("genuine", "fraud"))
DAY = 86_400
START = 1_767_225_600
SCENARIO = Scenario(
    name="cards",
    title="Cards",
    schema=EventSchema(
        entity_field="card",
        types=(
            EventType(name="payment", meaning="a payment", fields=(NUMBER, AMOUNT)),
            EventType(name="block", meaning="the card is blocked"),
        ),
    ),
    features=(LastValue(name="amount", on=("payment",), field="amount"),),
    label=Label(
        schema=EventSchema(
            entity_field="card",
            types=(EventType(name="verdict", meaning="fraud or not", fields=(NUMBER, VERDICT)),),
        ),
        event_type="verdict",
        field="verdict",
        positive="fraud",
        maturity_days=1.0,
        of_event=("payment", "number"),
    ),
    policy=Policy(
        bands=(Band(name="all", lowest_score=0.0),),
        rules=(Rule(action="call", bands=("all",)),),
        valid_days=1,
        control_share=0.5,
    ),
    estimator=lambda seed: seed,
)


def moment(day: float) -> datetime:
    return datetime.fromtimestamp(START + day * DAY, UTC)


def ms(day: float) -> int:
    return round(moment(day).timestamp() * 1000)


def row(card: str, document: dict[str, Any], offset: int, *, day: float) -> Row:
    return card.encode(), json.dumps(document).encode(), 0, offset, moment(day), 1


def payment(card: str, number: int, offset: int, *, day: float) -> Row:
    event = {"type": "payment", "card": card, "event_time": moment(day).isoformat()}
    return row(card, {**event, "number": number, "amount": 1.5}, offset, day=day)


def verdict(card: str, number: int, offset: int, *, day: float, outcome: str) -> Row:
    event = {"type": "verdict", "card": card, "event_time": moment(day).isoformat()}
    return row(card, {**event, "number": number, "verdict": outcome}, offset, day=day)


def prediction(card: str, offset: int, *, day: float, version: str = "1") -> dict[str, Any]:
    at = moment(day).isoformat()
    return {
        "prediction_id": f"cards-1-0-{offset}-v{version}",
        "entity": card,
        "score": (offset + 1) / 10 + (0.05 if version != "1" else 0.0),
        "band": "all",
        "reasons": [],
        "action": "call",
        "review": False,
        "control_group": card == "ann",
        "scored_at": at,
        "event_time": at,
        "features_as_of": at,
        "valid_until": at,
        "model": {"name": "cards", "version": version},
        "source": {"topic": "cards.events", "partition": 0, "offset": offset},
        "features": [1.5],
        "feature_definitions": SCENARIO.definitions_digest if offset != 3 else "others",
        "policy_version": "y",
        "thresholds": {"all": 0.0},
    }


@pytest.fixture(scope="module")
def place(spark: SparkSession, tmp_path_factory: pytest.TempPathFactory) -> DeltaPlace:
    """Payments 0 to 3, a blocked card, verdicts of most, an outcome of one."""
    place = place_in(tmp_path_factory.mktemp("delta"), scenario="cards")
    block = {"type": "block", "card": "ann", "event_time": moment(0.4).isoformat()}
    events = [
        payment("ann", 10, 0, day=0.1),
        payment("ann", 11, 1, day=0.2),
        payment("ann", 11, 2, day=0.3),  # published twice: the first counts
        payment("bob", 12, 3, day=1.2),
        row("ann", block, 4, day=0.4),
    ]
    write_archive(spark, place, "events", events)
    days = {0: 0.1, 1: 0.2, 2: 0.3, 3: 1.2, 4: 0.4}
    messages = [
        row("x", prediction("bob" if at == 3 else "ann", at, day=day), at, day=day)
        for at, day in days.items()
    ]
    # A replay by a newer version: what was logged first is what was acted on.
    messages.append(row("x", prediction("ann", 0, day=0.1, version="2"), 5, day=2.0))
    write_archive(spark, place, "predictions", messages)
    labels = [
        verdict("ann", 10, 0, day=0.5, outcome="fraud"),
        verdict("ann", 11, 1, day=0.6, outcome="genuine"),
        verdict("ann", 99, 2, day=0.6, outcome="genuine"),  # no such payment
        verdict("bob", 12, 3, day=5.0, outcome="fraud"),  # later than a day after its period
        verdict("carl", 1, 4, day=0.6, outcome="fraud"),
        verdict("ann", 11, 5, day=0.15, outcome="fraud"),  # before the payment
    ]
    write_archive(spark, place, "labels", labels)
    outcome = {
        "type": "outcome",
        "entity": "ann",
        "event_time": moment(0.45).isoformat(),
        "prediction_id": "cards-1-0-1-v1",
        "status": "accepted",
        "cost": 2,
    }
    write_archive(spark, place, "outcomes", [row("ann", outcome, 0, day=0.45)])
    return place


OPTIONS = MaturedOptions(
    limits=EventLimits(max_event_bytes=100_000, max_future_skew_seconds=300),
    periods=[Period(number=n, begin_ms=ms(n), end_ms=ms(n + 1)) for n in range(2)],
    now_ms=ms(10),
    horizon_days=0.0,
)


@pytest.fixture(scope="module")
def periods(spark: SparkSession, place: DeltaPlace) -> list[PeriodData]:
    return read_periods(spark, place, SCENARIO, options=OPTIONS)


def test_each_labelled_event_is_a_case_once_scored_as_it_was_first(
    periods: list[PeriodData],
) -> None:
    first, second = (data.cases for data in periods)
    assert first.scores.tolist() == [0.1, 0.2]
    assert first.labels.tolist() == [1.0, 0.0]
    assert [first.version_names[code] for code in first.versions.tolist()] == ["1", "1"]
    assert (second.scores.tolist(), second.labels.tolist()) == ([0.4], [1.0])
    assert second.known_ms.tolist() == [ms(5.0)]
    assert first.is_control.tolist() == [True, True]
    assert first.propensity.tolist() == [0.5, 0.5]
    assert (first.is_shown.tolist(), first.action_cost.tolist()) == ([False, True], [0.0, 2.0])


def test_records_have_dispositions_in_the_period_in_which_they_arrive(
    periods: list[PeriodData],
) -> None:
    first = periods[0].counts
    assert {name: n for name, n in first.items() if name.startswith(("label", "outcome"))} == {
        "label.before_its_event": 1,
        "label.in_time": 2,
        "label.unknown_entity": 1,
        "label.unknown_prediction": 1,
        "outcome.in_time": 1,
    }
    assert (first["events"], first["predictions"], first["cases"]) == (4, 4, 2)


def test_features_of_other_definitions_are_missing_and_counted(periods: list[PeriodData]) -> None:
    assert periods[0].features.tolist() == [[1.5], [1.5]]
    assert str(periods[1].features.tolist()) == "[[nan]]"
    assert periods[1].counts["cases_of_other_definitions"] == 1


def test_a_label_long_after_its_period_is_late(spark: SparkSession, place: DeltaPlace) -> None:
    days = [Period(number=n, begin_ms=ms(n), end_ms=ms(n + 1)) for n in range(6)]
    options = MaturedOptions(
        limits=OPTIONS.limits, periods=days, now_ms=OPTIONS.now_ms, horizon_days=0.0
    )
    data = read_periods(spark, place, SCENARIO, options=options)
    assert data[5].counts["label.late"] == 1
    assert [len(period.cases) for period in data] == [2, 1, 0, 0, 0, 0]


def test_rows_of_events_were_acted_on_by_the_outcome_of_their_own_prediction(
    spark: SparkSession, place: DeltaPlace
) -> None:
    acts = Acts(spark, place, as_of_ms=ms(10))
    columns = "entity string, label_time_ms bigint, features_as_of_ms bigint, epoch int,"
    rows = spark.createDataFrame(
        [("ann", ms(1), ms(0), 1, 0, 0), ("ann", ms(1), ms(0), 1, 0, 1)],
        f"{columns} partition int, offset bigint",
    )
    left, counts = acts.applied(rows, SCENARIO, OPTIONS.limits, rule="refuse")
    assert [row["offset"] for row in left.collect()] == [0]
    assert counts["rows_acted_on"] == counts["rows_left_out_as_acted_on"] == 1
