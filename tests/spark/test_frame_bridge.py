"""The bridge between a task of Spark and its Python worker, over frames of records in a table."""

import json
import time
from collections.abc import Sequence
from typing import Any

import pytest
from pyspark.sql import Row, SparkSession

from streaming.position.refusals import StateUnreadable, refusal_in
from streaming.real_time.bridge import Bridge, running_tasks
from tests.support.echo_pass import TOPIC, EchoPass

SCHEMA = (
    "key binary, value binary, partition int, offset bigint, timestamp bigint, "
    "key_bytes bigint, key_sha256 string, value_bytes bigint, value_sha256 string"
)
LARGE = bytes(range(256)) * 40_000  # 10 MB


def bridge(**changes: Any) -> Bridge:
    values: dict[str, Any] = {
        "scenario": "tiny",
        "opened": EchoPass,
        "most_rows": 1_000,
        "unpublished_frames": 64,
        "answer_seconds": 60.0,
    }
    return Bridge(**{**values, **changes})


def answers(
    spark: SparkSession, values: Sequence[bytes | None], made: Bridge | None = None
) -> list[Row]:
    """The messages about records with `values` at the offsets 0, 2, 4, …, all in one task."""
    records = [
        (b"k%d" % row, value, 0, 2 * row, 1_800_000_000_000_000, None, None, None, None)
        for row, value in enumerate(values)
    ]
    frame = spark.createDataFrame(records, SCHEMA).coalesce(1)
    try:
        return (made or bridge()).over(spark, frame).collect()
    finally:
        assert running_tasks(spark) == 0


def about(row: Row) -> dict[str, Any]:
    (header,) = row["headers"]
    assert header["key"] == "about"
    text: dict[str, Any] = json.loads(bytes(header["value"]))
    return text


def test_every_record_has_its_answer_in_order_and_unchanged(spark: SparkSession) -> None:
    values = [b"", None, "Käufer".encode(), b"split", LARGE, *(b"%d" % n for n in range(5_000))]
    rows = answers(spark, values)
    assert [row["value"] for row in rows] == values
    assert [bytes(row["key"]) for row in rows] == [b"k%d" % n for n in range(len(values))]
    assert {row["topic"] for row in rows} == {TOPIC}


def test_no_records_are_no_answers(spark: SparkSession) -> None:
    assert answers(spark, []) == []


def test_frames_have_no_more_records_and_bytes_than_allowed(spark: SparkSession) -> None:
    rows = answers(spark, [b"%d" % n for n in range(100)], bridge(most_rows=7))
    assert max(about(row)["records"] for row in rows) <= 7
    rows = answers(spark, [bytes(1_000)] * 20, bridge(most_bytes=5_000))
    assert max(about(row)["records"] for row in rows) <= 4


def test_a_frame_says_what_is_published_of_the_ones_before_it(spark: SparkSession) -> None:
    """Here nothing is sent to Kafka, so whatever was handed on is published."""
    rows = answers(spark, [b"%d" % n for n in range(40)], bridge(most_rows=1, unpublished_frames=1))
    frames = [about(row) for row in rows]
    assert [frame["after"] for frame in frames] == [None, *(2 * n for n in range(39))]
    # One that waits for acknowledgement, one with the sink and one on its way there.
    behind = [frame["first"] - 1 - frame["published_upto"] for frame in frames if frame["first"]]
    assert set(behind) <= {0, 2, 4}


@pytest.mark.parametrize("made", [bridge(), bridge(opened=EchoPass.refusing)])
def test_a_refusal_of_the_pass_reaches_the_driver(spark: SparkSession, made: Bridge) -> None:
    with pytest.raises(Exception, match="StateUnreadable") as raised:
        answers(spark, [b"1", b"refuse"], made)
    assert isinstance(refusal_in(str(raised.value)), StateUnreadable)


def test_an_error_of_the_pass_reaches_the_driver(spark: SparkSession) -> None:
    with pytest.raises(Exception, match="ValueError: the pass has a fault"):
        answers(spark, [b"1", b"fail"])


def test_a_worker_that_dies_ends_the_task_and_is_named(spark: SparkSession) -> None:
    with pytest.raises(Exception, match="the Python worker ended in the middle of a frame"):
        answers(spark, [b"1", b"die"])


def test_a_worker_that_hangs_ends_the_task_in_time(spark: SparkSession) -> None:
    began = time.monotonic()
    with pytest.raises(Exception, match="the Python worker did not answer within 1 s"):
        answers(spark, [b"sleep 30"], bridge(answer_seconds=1.0))
    assert time.monotonic() - began < 15.0


def test_a_worker_has_one_task_after_the_other(spark: SparkSession) -> None:
    workers = {about(answers(spark, [b"1"])[0])["pid"] for _ in range(3)}
    assert len(workers) == 1
