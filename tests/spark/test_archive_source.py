"""Epochs of archived records, and the rows that a rebuild takes from them."""

import json
from datetime import UTC, datetime
from hashlib import sha256

from pyspark.sql import SparkSession
from pyspark.sql import functions as F

from batch.rebuild.states import rebuilt_rows
from stores.delta.epoch_columns import epoch_of_dead_letters, epoch_of_events, epoch_of_predictions
from stores.hbase.stamps import stamp
from stores.records.epochs import EpochRecord, EpochStart
from streaming.archive.gaps import Span, gaps_in, spans_frame
from streaming.archive.source import (
    Slice,
    archived_rows,
    gap_rows,
)

STARTS = (
    EpochStart(epoch=3, topic_id="new", first_offsets={0: 5, 1: 0}),
    EpochStart(epoch=2, topic_id="old", first_offsets={0: 100}),
    EpochStart(epoch=1, topic_id="old", first_offsets={0: 10}),
)
RECORD = EpochRecord(
    epoch=3,
    topic="tiny.events",
    topic_id="new",
    partitions=2,
    first_offsets={0: 5, 1: 0},
    reason="test",
    begun_at="",
    earlier=STARTS[1:],
)


def test_an_event_belongs_to_the_last_epoch_that_began_before_it_in_its_own_topic(
    spark: SparkSession,
) -> None:
    places = [(0, 9), (0, 10), (0, 99), (0, 100), (0, 1_000)]
    frame = spark.createDataFrame(places, "partition int, offset bigint")
    rows = frame.select(epoch_of_events(STARTS, "old").alias("epoch")).collect()
    assert [row.epoch for row in rows] == [0, 1, 1, 2, 2]
    new = spark.createDataFrame([(0, 4), (0, 5), (1, 0)], "partition int, offset bigint")
    rows = new.select(epoch_of_events(STARTS, "new").alias("epoch")).collect()
    assert [row.epoch for row in rows] == [0, 3, 3]


def test_predictions_suppressed_events_and_dead_letters_have_the_epoch_of_their_event(
    spark: SparkSession,
) -> None:
    values = [
        b'{"prediction_id":"my-scenario-12-0-345-v7","score":0.5}',
        b'{"suppressed":"awaiting_gender","epoch":4}',
        b"not JSON",
        b'{"prediction_id":"my-scenario-13-0-345-refused"}',  # of a decision
    ]
    frame = spark.createDataFrame([(bytearray(value),) for value in values], "value binary")
    rows = frame.select(epoch_of_predictions().alias("epoch")).collect()
    assert [row.epoch for row in rows] == [12, 4, 0, 13]
    headers = [[("reason", bytearray(b"x")), ("source_epoch", bytearray(b"6"))]]
    dead = spark.createDataFrame(
        [(letter,) for letter in headers], "headers array<struct<key:string,value:binary>>"
    )
    assert dead.select(epoch_of_dead_letters().alias("epoch")).first() == (6,)


def test_the_latest_row_is_the_newest_position_and_a_batch_run_wins_a_tie(
    spark: SparkSession,
) -> None:
    def prediction(
        epoch: int, partition: int, offset: int, *, entity: str, text: str
    ) -> tuple[object, ...]:
        row = {
            "prediction_id": f"tiny-{epoch}-{partition}-{offset}-v1",
            "text": text,
            "source": {"partition": partition, "offset": offset},
        }
        raw = json.dumps(row, separators=(",", ":"))[:-1] + ',"features":[1.0],"more":2}'
        return bytearray(entity.encode()), bytearray(raw.encode()), epoch, offset

    tricky = 'a text with ,"features":[ in it'
    rows = [
        prediction(2, 0, 900, entity="moved", text="older topic"),
        prediction(3, 0, 4, entity="moved", text=tricky),
        prediction(3, 0, 5, entity="moved", text="after the rebuild begins"),
        prediction(2, 0, 900, entity="batch", text="stream"),
        prediction(2, 0, 901, entity="stream", text="stream"),
    ]
    predictions = spark.createDataFrame(rows, "key binary, value binary, epoch int, offset bigint")
    runs = [
        ("batch", stamp(2, 900), bytearray(b"B"), "r1"),
        ("stream", stamp(2, 900), bytearray(b"B"), "r1"),
    ]
    published = spark.createDataFrame(
        runs, "entity string, position bigint, document binary, run string"
    )
    documents = {
        row.entity: bytes(row.document)
        for row in rebuilt_rows(predictions, published, record=RECORD).collect()
    }
    assert json.loads(documents["moved"])["text"] == tricky
    assert documents["batch"] == b"B"
    assert json.loads(documents["stream"]) == {
        "prediction_id": "tiny-2-0-901-v1",
        "text": "stream",
        "source": {"partition": 0, "offset": 901},
    }


SOURCE = (
    "topic string, partition int, offset bigint, timestamp timestamp, key binary, value binary, "
    "headers array<struct<key:string,value:binary>>"
)


def test_a_slice_is_records_and_rows_that_stand_for_what_is_none(spark: SparkSession) -> None:
    moment = datetime(2026, 11, 1, tzinfo=UTC)
    event_headers = [("own", bytearray(b"x"))]
    rows = [
        ("t", 0, 12, moment, bytearray(b"k"), bytearray(b"short"), None),
        ("t", 0, 13, moment, bytearray(b"k"), bytearray(1_000), event_headers),
        ("t", 0, 17, moment, bytearray(500), None, None),
    ]
    records = spark.createDataFrame(rows, SOURCE).coalesce(1)
    archive_slice = Slice(
        topic="t", topic_id="old", begin={0: 10, 1: 4}, end={0: 20, 1: 6}, epoch=F.lit(1), batch=7
    )
    gaps = gaps_in(records, archive_slice.begin, archive_slice.end)
    assert gaps == [Span(0, 10, 12), Span(0, 14, 17), Span(0, 18, 20), Span(1, 4, 6)]
    archived = archived_rows(records, archive_slice, most_bytes=100)
    all_rows = archived.unionByName(gap_rows(spans_frame(spark, gaps), archive_slice)).collect()
    stands_for = {
        (r["partition"], r["offset"], r["until"]) for r in all_rows if r["absent"] == "gap"
    }
    assert stands_for == {(0, 10, 12), (0, 14, 17), (0, 18, 20), (1, 4, 6)}
    assert {(r["topic_id"], r["epoch"], r["archive_batch"]) for r in all_rows} == {("old", 1, 7)}
    assert all(row["day"] for row in all_rows)
    short, long, key = (row for row in all_rows if row["absent"] is None)
    assert (bytes(short["value"]), short["headers"]) == (b"short", None)
    headers = {header["key"]: bytes(header["value"]) for header in long["headers"]}
    assert bytes(long["value"]) == bytes(100)
    digest = sha256(bytes(1_000)).hexdigest().encode()
    assert headers == {"own": b"x", "value_bytes": b"1000", "value_sha256": digest}
    assert (bytes(key["key"]), key["value"]) == (bytes(100), None)
    assert {header["key"] for header in key["headers"]} == {"key_bytes", "key_sha256"}
