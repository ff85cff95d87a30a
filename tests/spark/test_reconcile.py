"""Every offset has exactly one outcome, or is named with what is wrong."""

import json
from collections.abc import Sequence

import pytest
from pyspark.sql import DataFrame, SparkSession

from batch.proofs.reconcile import (
    CONFLICT,
    IN_NO_EPOCH,
    MISSING,
    SURPLUS,
    TWICE,
    Scope,
    broken_offsets,
    judged,
    outcomes,
    partition_counts,
)
from features.events.reasons import ERASED, UNSCORABLE
from stores.records.epochs import EpochRecord
from stores.records.losses import Loss

TOPIC = "tiny.events"
MESSAGE = "value binary, headers array<struct<key:string,value:binary>>"


def prediction(offset: int, *, score: float = 0.5, version: int = 1, epoch: int = 1) -> bytes:
    document = {
        "prediction_id": f"tiny-{epoch}-0-{offset}-v{version}",
        "score": score,
        "source": {"topic": TOPIC, "partition": 0, "offset": offset},
    }
    return json.dumps(document).encode()


def suppressed(offset: int, *, epoch: int = 1) -> bytes:
    source = {"topic": TOPIC, "partition": 0, "offset": offset}
    return json.dumps({"suppressed": "awaiting_x", "epoch": epoch, "source": source}).encode()


def dead_letter(
    offset: int, *, epoch: int = 1, reason: str = "not_utf8"
) -> tuple[bytes, list[tuple[str, bytes]]]:
    headers = {
        "source_topic": TOPIC,
        "source_partition": "0",
        "source_offset": str(offset),
        "source_epoch": str(epoch),
        "reason_code": reason,
    }
    return b"\xff", [(name, text.encode()) for name, text in headers.items()]


def begun(
    epoch: int, first: int, *, topic_id: str = "t1", after: EpochRecord | None = None
) -> EpochRecord:
    return EpochRecord(
        epoch=epoch,
        topic=TOPIC,
        topic_id=topic_id,
        partitions=1,
        first_offsets={0: first},
        reason="test",
        begun_at="",
        earlier=after.starts if after else (),
    )


def reconciled(
    spark: SparkSession,
    messages: list[bytes],
    refused: list[tuple[bytes, list[tuple[str, bytes]]]],
    *,
    end: int = 6,
    may_be_retold: bool = False,
    record: EpochRecord | None = None,
    topic_id: str = "t1",
    losses: Sequence[Loss] = (),
) -> DataFrame:
    events = spark.createDataFrame(
        [(0, offset) for offset in range(6)], "partition int, offset long"
    )
    predictions = spark.createDataFrame([(value, None) for value in messages], MESSAGE)
    dead_letters = spark.createDataFrame(refused, MESSAGE)
    outcome_rows = outcomes(predictions, dead_letters, topic=TOPIC)
    scope = Scope(record or begun(1, 0), topic_id, {0: 0}, {0: end}, losses)
    return judged(events, outcome_rows, scope=scope, may_be_retold=may_be_retold).cache()


def test_events_with_one_outcome_each_add_up_and_equal_repeats_count_once(
    spark: SparkSession,
) -> None:
    messages = [*map(prediction, (0, 1, 2)), prediction(2), prediction(2, version=2), suppressed(3)]
    rows = reconciled(spark, messages, [*map(dead_letter, (4, 5, 5))])
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


@pytest.mark.parametrize("reason", [UNSCORABLE, ERASED])
def test_a_prediction_counts_where_another_batch_could_not_judge_the_event_or_found_it_erased(
    spark: SparkSession, reason: str
) -> None:
    messages = [*map(prediction, (0, 1, 2)), suppressed(3)]
    rows = reconciled(
        spark,
        messages,
        [*map(dead_letter, (4, 5)), *(dead_letter(n, reason=reason) for n in (0, 3))],
    )
    (counts,) = partition_counts(rows)
    assert counts.adds_up
    assert (counts.predictions, counts.suppressed, counts.dead_letters) == (3, 1, 2)


def test_what_breaks_the_rule_is_named_by_offset(spark: SparkSession) -> None:
    messages = [*map(prediction, (0, 1, 2)), prediction(1, score=0.6), suppressed(9)]
    rows = reconciled(spark, messages, [*map(dead_letter, (2, 3))], end=10)
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
    messages = [prediction(0), prediction(0, score=0.6), prediction(1), suppressed(1)]
    rows = reconciled(spark, messages, [], end=2, may_be_retold=True)
    assert broken_offsets(rows, limit=9) == [(0, 1, TWICE)]


def test_offsets_outside_the_range_do_not_count(spark: SparkSession) -> None:
    rows = reconciled(spark, [*map(prediction, range(6))], [], end=4)
    (counts,) = partition_counts(rows)
    assert (counts.events, counts.predictions, counts.adds_up) == (4, 4, True)


def test_outcomes_of_a_recreated_topic_do_not_stand_for_those_of_the_new_one(
    spark: SparkSession,
) -> None:
    old = [*map(prediction, range(6))]
    record = begun(2, 0, topic_id="t2", after=begun(1, 0))
    rows = reconciled(spark, old, [], record=record, topic_id="t2")
    assert broken_offsets(rows, limit=9) == [(0, offset, MISSING) for offset in range(6)]
    new = [prediction(offset, epoch=2) for offset in (0, 1, 2)]
    letters = [dead_letter(offset, epoch=2) for offset in (3, 4, 5)]
    rows = reconciled(spark, [*old, *new], letters, record=record, topic_id="t2")
    (counts,) = partition_counts(rows)
    assert counts.adds_up
    assert (counts.predictions, counts.dead_letters, counts.repeated) == (3, 3, 0)


def test_a_recreated_topic_before_its_epoch_is_said_to_be_in_none(spark: SparkSession) -> None:
    rows = reconciled(spark, [*map(prediction, range(6))], [], topic_id="t2")
    assert broken_offsets(rows, limit=9) == [(0, offset, IN_NO_EPOCH) for offset in range(6)]


def test_after_a_rebuild_an_event_may_have_an_outcome_of_the_epoch_before_and_must_have_its_own(
    spark: SparkSession,
) -> None:
    record = begun(2, 3, after=begun(1, 0))
    messages = [*map(prediction, range(5)), *(prediction(offset, epoch=2) for offset in (3, 5))]
    rows = reconciled(spark, messages, [], record=record)
    assert broken_offsets(rows, limit=9) == [(0, 4, MISSING)]
    late = [*messages, prediction(4, epoch=2), prediction(1, epoch=2)]
    rows = reconciled(spark, late, [], record=record)
    assert broken_offsets(rows, limit=9) == [(0, 1, SURPLUS)]


def test_events_from_before_the_first_epoch_are_not_expected_to_be_scored(
    spark: SparkSession,
) -> None:
    rows = reconciled(spark, [prediction(4), prediction(5)], [], record=begun(1, 4))
    (counts,) = partition_counts(rows)
    assert (counts.events, counts.predictions, counts.adds_up) == (2, 2, True)


def test_events_that_were_accepted_as_lost_are_no_fault_and_counted_apart(
    spark: SparkSession,
) -> None:
    loss = Loss(
        topic=TOPIC,
        topic_id="t1",
        partition=0,
        first=1,
        end=4,
        missing_in="stream",
        epoch=1,
        accepted_at="2026-11-28T05:00:00Z",
        accepted_by="test",
    )
    rows = reconciled(spark, [*map(prediction, (0, 3, 4))], [], losses=[loss])
    assert broken_offsets(rows, limit=9) == [(0, 5, MISSING)]
    (counts,) = partition_counts(rows)
    assert (counts.predictions, counts.lost, counts.broken) == (3, 2, 1)
