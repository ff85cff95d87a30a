"""The training set is what the stream knew when an outcome came."""

import json
from collections.abc import Sequence
from datetime import UTC, datetime

import numpy as np
import numpy.typing as npt
import pytest
from pyspark.sql import DataFrame, SparkSession

from batch.records.limits import EventLimits
from batch.training_sets.event_features import event_features
from batch.training_sets.outcomes import mature, outcomes
from batch.training_sets.rows import TrainingOptions, refusal_counts, training_rows
from features.definitions import Count, LastValue, Mean
from features.events.decode import Records
from features.fold.fold import distinct, fold
from features.schema import Category, EventSchema, EventType, Number
from scenarios.contract.policy import Band, Policy, Rule
from scenarios.contract.scenario import Label, Scenario

LIMITS = EventLimits(max_event_bytes=100_000, max_future_skew_seconds=300)
NOW_MS = 10_000_000
OPTIONS = TrainingOptions(limits=LIMITS, as_of_ms=NOW_MS)

Row = tuple[bytes | None, bytes | None, int, int, datetime, int]


def shop(*, maturity_days: float = 0.0) -> Scenario:
    """A scenario of three features: last amount, mean amount, number of visits."""
    schema = EventSchema(
        entity_field="shopper",
        types=(
            EventType(
                name="sale",
                meaning="a sale",
                fields=(Number(name="amount_eur", unit="EUR", minimum=0, maximum=1e6),),
            ),
            EventType(name="visit", meaning="a visit"),
        ),
    )
    label_schema = EventSchema(
        entity_field="shopper",
        types=(
            EventType(
                name="verdict",
                meaning="came back or not",
                fields=(Category(name="verdict", values=("stayed", "gone")),),
            ),
        ),
    )
    return Scenario(
        name="shop",
        title="Shoppers",
        schema=schema,
        features=(
            LastValue(name="amount_last", on=("sale",), field="amount_eur"),
            Mean(name="amount_mean", on=("sale",), field="amount_eur"),
            Count(name="visits", on=("visit",)),
        ),
        label=Label(
            schema=label_schema,
            event_type="verdict",
            field="verdict",
            positive="gone",
            maturity_days=maturity_days,
        ),
        policy=Policy(
            bands=(Band(name="all", lowest_score=0.0),),
            rules=(Rule(action="none", bands=("all",)),),
            valid_days=1,
        ),
        estimator=lambda seed: seed,
        required_feature="amount_last",
    )


def record(
    kind: str,
    shopper: str,
    time_ms: int,
    offset: int,
    *,
    partition: int = 0,
    epoch: int = 1,
    arrived_ms: int = NOW_MS,
    **fields: object,
) -> Row:
    time = datetime.fromtimestamp(time_ms / 1000, UTC).isoformat(timespec="milliseconds")
    event = {"type": kind, "shopper": shopper, "event_time": time, **fields}
    arrival = datetime.fromtimestamp(arrived_ms / 1000, UTC)
    return shopper.encode(), json.dumps(event).encode(), partition, offset, arrival, epoch


def frame(spark: SparkSession, rows: Sequence[Row]) -> DataFrame:
    schema = (
        "key binary, value binary, partition int, offset bigint, timestamp timestamp, epoch int"
    )
    return spark.createDataFrame(list(rows), schema)


def test_an_outcome_gets_the_features_of_the_last_event_before_it(spark: SparkSession) -> None:
    events = frame(
        spark,
        [
            record("sale", "ann", 1_000, 0, amount_eur=10),
            record("visit", "ann", 2_000, 1),
            record("sale", "ann", 9_000, 2, amount_eur=1_000_000),  # the planted later event
        ],
    )
    labels = frame(spark, [record("verdict", "ann", 5_000, 0, verdict="gone")])
    (row,) = training_rows(events, labels, shop(), options=OPTIONS).collect()
    assert (row.entity, row.label, row.features_as_of_ms, row.label_time_ms) == (
        "ann",
        1,
        2_000,
        5_000,
    )
    assert (row.amount_last, row.amount_mean, row.visits) == (10.0, 10.0, 1.0)
    assert row.split in ("train", "test")


def test_an_event_dated_after_the_outcome_that_arrived_early_hides_those_behind_it(
    spark: SparkSession,
) -> None:
    events = frame(
        spark,
        [
            record("sale", "ann", 1_000, 0, amount_eur=10),
            record("sale", "ann", 9_000, 1, amount_eur=77),
            record("visit", "ann", 2_000, 2),  # its features know of the 77
        ],
    )
    labels = frame(spark, [record("verdict", "ann", 5_000, 0, verdict="stayed")])
    (row,) = training_rows(events, labels, shop(), options=OPTIONS).collect()
    assert (row.label, row.features_as_of_ms, row.amount_last, row.visits) == (0, 1_000, 10.0, 0.0)


def test_an_event_dated_back_once_the_outcome_was_known_does_not_leak(spark: SparkSession) -> None:
    """The planted leak: it lies before the outcome by its own time, but came after it."""
    events = frame(
        spark,
        [
            record("sale", "ann", 1_000, 0, amount_eur=10, arrived_ms=1_500),
            record("sale", "ann", 4_000, 1, amount_eur=999, arrived_ms=7_000),
        ],
    )
    labels = frame(spark, [record("verdict", "ann", 5_000, 0, verdict="gone", arrived_ms=6_000)])
    (row,) = training_rows(events, labels, shop(), options=OPTIONS).collect()
    assert (row.amount_last, row.offset) == (10.0, 0)


def test_a_corrected_label_does_not_let_events_in_that_came_after_the_first_one(
    spark: SparkSession,
) -> None:
    events = frame(
        spark,
        [
            record("sale", "ann", 1_000, 0, amount_eur=10, arrived_ms=1_500),
            record("sale", "ann", 4_000, 1, amount_eur=999, arrived_ms=7_000),
        ],
    )
    labels = frame(
        spark,
        [
            record("verdict", "ann", 5_000, 0, verdict="stayed", arrived_ms=6_000),
            record("verdict", "ann", 5_000, 1, verdict="gone", arrived_ms=8_000),
        ],
    )
    (row,) = training_rows(events, labels, shop(), options=OPTIONS).collect()
    assert (row.amount_last, row.label) == (10.0, 1)


def test_events_of_a_later_epoch_follow_those_of_an_earlier_one_whatever_their_offsets(
    spark: SparkSession,
) -> None:
    events = frame(
        spark,
        [
            record("sale", "ann", 2_000, 3, amount_eur=30, partition=1, epoch=2),
            record("sale", "ann", 1_000, 900, amount_eur=10, epoch=1),
        ],
    )
    labels = frame(spark, [record("verdict", "ann", 5_000, 0, verdict="gone")])
    (row,) = training_rows(events, labels, shop(), options=OPTIONS).collect()
    assert (row.amount_last, row.amount_mean, row.epoch) == (30.0, 20.0, 2)


def test_an_immature_outcome_or_one_without_required_feature_gives_no_row(
    spark: SparkSession,
) -> None:
    events = frame(
        spark,
        [
            record("sale", "old", 1_000, 0, amount_eur=10),
            record("sale", "new", 1_000, 1, amount_eur=10),
            record("visit", "unknown", 1_000, 2),
        ],
    )
    labels = frame(
        spark,
        [
            record("verdict", "old", 2_000, 0, verdict="gone"),
            record("verdict", "new", NOW_MS - 1, 1, verdict="gone"),
            record("verdict", "unknown", 2_000, 2, verdict="gone"),
        ],
    )
    scenario = shop(maturity_days=1_000_000 / 86_400_000)
    rows = training_rows(events, labels, scenario, options=OPTIONS).collect()
    assert [row.entity for row in rows] == ["old"]


def test_of_two_labels_for_the_same_time_the_later_published_counts(spark: SparkSession) -> None:
    labels = frame(
        spark,
        [
            record("verdict", "ann", 5_000, 0, verdict="gone"),
            record("verdict", "ann", 5_000, 1, verdict="stayed"),
        ],
    )
    label = shop().label
    (row,) = mature(outcomes(labels, label, LIMITS), label, now_ms=NOW_MS).collect()
    assert (row.entity, row.label_time_ms, row.label) == ("ann", 5_000, 0)
    assert (row.records, row.is_contradicted) == (2, True)


def test_a_correction_counts_whichever_partition_its_client_puts_it_in(
    spark: SparkSession,
) -> None:
    first = {"partition": 0, "arrived_ms": NOW_MS - 2_000}
    corrected = {"partition": 1, "arrived_ms": NOW_MS - 1_000}
    labels = frame(
        spark,
        [
            record("verdict", "ann", 5_000, 70, verdict="gone", **first),
            record("verdict", "ann", 5_000, 3, verdict="stayed", **corrected),
        ],
    )
    label = shop().label
    (row,) = mature(outcomes(labels, label, LIMITS), label, now_ms=NOW_MS).collect()
    assert row.label == 0


def test_refused_records_are_counted_and_change_nothing(spark: SparkSession) -> None:
    good = record("sale", "ann", 1_000, 0, amount_eur=10)
    events = frame(
        spark,
        [
            good,
            (good[0], None, 0, 1, good[4], 1),
            (None, good[1], 0, 2, good[4], 1),
            (good[0], b"{", 0, 3, good[4], 1),
        ],
    )
    folded = event_features(events, shop(), LIMITS)
    expected = {"null_value": 1, "null_key": 1, "malformed_json": 1}
    assert refusal_counts(folded) == expected
    assert folded.where("refusal is null").count() == 1


@pytest.mark.parametrize("shuffle_partitions", [1, 3, 8])
def test_features_equal_a_single_threaded_fold_to_the_bit(
    spark: SparkSession, shuffle_partitions: int
) -> None:
    rng = np.random.default_rng(11)
    rows = [_random_record(rng, offset=offset) for offset in range(4_000)]
    spark.conf.set("spark.sql.shuffle.partitions", str(shuffle_partitions))
    spark.conf.set("spark.sql.execution.arrow.maxRecordsPerBatch", "173")
    try:
        folded = event_features(frame(spark, rows), shop(), LIMITS).collect()
    finally:
        spark.conf.unset("spark.sql.execution.arrow.maxRecordsPerBatch")
        spark.conf.set("spark.sql.shuffle.partitions", "3")
    assert len(folded) == len(rows)
    features_by_position = {
        (row.partition, row.offset): row.features for row in folded if row.refusal is None
    }
    expected = _single_threaded(rows)
    assert features_by_position.keys() == expected.keys()
    for position, features in expected.items():
        assert np.array(features_by_position[position]).tobytes() == features.tobytes(), position


def _random_record(rng: np.random.Generator, *, offset: int) -> Row:
    number = int(rng.integers(60))
    place = {"partition": number % 2, "time_ms": int(rng.integers(1_000_000)), "offset": offset}
    match int(rng.integers(10)):
        case 0:
            return record("sale", f"s{number}", amount_eur=-1, **place)
        case 1 | 2 | 3:
            return record("visit", f"s{number}", **place)
        case _:
            amount = float(rng.lognormal(3, 2))
            return record("sale", f"s{number}", amount_eur=amount, **place)


def _single_threaded(
    rows: Sequence[Row],
) -> dict[tuple[int, int], npt.NDArray[np.float64]]:
    plan, codec = shop().plan, shop().codec
    expected = {}
    for partition in (0, 1):
        partition_rows = [row for row in rows if row[2] == partition]
        offsets = np.array([row[3] for row in partition_rows], dtype=np.int64)
        events = LIMITS.decoder(shop().schema).decode(
            Records(
                keys=[row[0] for row in partition_rows],
                values=[row[1] for row in partition_rows],
                offsets=offsets,
                timestamps_ms=np.full(len(partition_rows), NOW_MS, dtype=np.int64),
            )
        )
        entities = distinct(events.entities)
        folded = fold(
            plan,
            codec.empty(len(entities.ids)),
            events,
            entity_rows=entities.rows,
            stamps=offsets[events.rows],
            partition=partition,
        )
        for row, vector in zip(events.rows.tolist(), folded.features, strict=True):
            expected[(partition, int(offsets[row]))] = vector
    return expected
