"""Every offset has exactly one outcome, or is named with what is wrong."""

import json

from pyspark.sql import DataFrame, SparkSession

from batch.reconcile import (
    CONFLICT,
    MISSING,
    SURPLUS,
    TWICE,
    broken_offsets,
    judged,
    outcomes,
    partition_counts,
)

TOPIC = "tiny.events"
MESSAGE = "value binary, headers array<struct<key:string,value:binary>>"


def prediction(offset: int, *, score: float = 0.5, version: int = 1) -> bytes:
    told = {
        "prediction_id": f"tiny-1-0-{offset}-v{version}",
        "score": score,
        "source": {"topic": TOPIC, "partition": 0, "offset": offset},
    }
    return json.dumps(told).encode()


def suppressed(offset: int) -> bytes:
    source = {"topic": TOPIC, "partition": 0, "offset": offset}
    return json.dumps({"suppressed": "awaiting_x", "source": source}).encode()


def dead_letter(offset: int) -> tuple[bytes, list[tuple[str, bytes]]]:
    headers = {
        "source_topic": TOPIC,
        "source_partition": "0",
        "source_offset": str(offset),
        "reason_code": "not_utf8",
    }
    return b"\xff", [(name, text.encode()) for name, text in headers.items()]


def reconciled(
    spark: SparkSession,
    told: list[bytes],
    refused: list[int],
    *,
    end: int = 6,
    may_be_retold: bool = False,
) -> DataFrame:
    events = spark.createDataFrame(
        [(0, offset) for offset in range(6)], "partition int, offset long"
    )
    predictions = spark.createDataFrame([(value, None) for value in told], MESSAGE)
    dead_letters = spark.createDataFrame([dead_letter(offset) for offset in refused], MESSAGE)
    found = outcomes(predictions, dead_letters, topic=TOPIC)
    return judged(events, found, begin={0: 0}, end={0: end}, may_be_retold=may_be_retold).cache()


def test_events_with_one_outcome_each_add_up_and_equal_repeats_count_once(
    spark: SparkSession,
) -> None:
    told = [*map(prediction, (0, 1, 2)), prediction(2), prediction(2, version=2), suppressed(3)]
    rows = reconciled(spark, told, [4, 5, 5])
    (counts,) = partition_counts(rows)
    assert counts.adds_up
    assert (counts.events, counts.predictions, counts.suppressed, counts.dead_letters) == (
        6,
        3,
        1,
        2,
    )
    assert counts.repeated == 3
    assert broken_offsets(rows, limit=9) == []


def test_what_breaks_the_rule_is_named_by_offset(spark: SparkSession) -> None:
    told = [*map(prediction, (0, 1, 2)), prediction(1, score=0.6), suppressed(9)]
    rows = reconciled(spark, told, [2, 3], end=10)
    assert broken_offsets(rows, limit=9) == [
        (0, 1, CONFLICT),
        (0, 2, TWICE),
        (0, 4, MISSING),
        (0, 5, MISSING),
        (0, 9, SURPLUS),
    ]
    (counts,) = partition_counts(rows)
    assert not counts.adds_up


def test_where_second_entities_are_read_a_replay_may_tell_an_id_again_with_newer_values(
    spark: SparkSession,
) -> None:
    told = [prediction(0), prediction(0, score=0.6), prediction(1), suppressed(1)]
    rows = reconciled(spark, told, [], end=2, may_be_retold=True)
    assert broken_offsets(rows, limit=9) == [(0, 1, TWICE)]


def test_offsets_outside_the_range_do_not_count(spark: SparkSession) -> None:
    rows = reconciled(spark, [*map(prediction, range(6))], [], end=4)
    (counts,) = partition_counts(rows)
    assert (counts.events, counts.predictions, counts.adds_up) == (4, 4, True)
