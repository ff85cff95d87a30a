"""Dead letters as rows, each refused event once, and the ledger of those published again."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
from pyspark.sql import DataFrame, SparkSession

from batch.replays.dead_letter_frames import DeadLetterChoice, dead_letters, first_epochs
from batch.replays.ledger import ReplayLedger
from features.events.reasons import MALFORMED_JSON, WRONG_PARTITION
from stores.records.epochs import EpochStart
from tests.support.archives import place_in

_SCHEMA = "key binary, value binary, headers array<struct<key:string,value:binary>>"


def letter(
    offset: int,
    *,
    epoch: int = 1,
    reason: str = WRONG_PARTITION,
    topic: str = "tiny.events",
    key: bytes = b"k",
    at_ms: int = 1_000,
    home: int | None = 1,
) -> Any:
    """A dead letter of partition 0."""
    named: dict[str, object] = {
        "reason_code": reason,
        "reason": "a sentence",
        "source_topic": topic,
        "source_partition": 0,
        "source_offset": offset,
        "source_epoch": epoch,
        "source_timestamp_ms": at_ms,
        "value_bytes": 5,
        **({} if home is None else {"home_partition": home}),
    }
    headers = [{"key": name, "value": str(value).encode()} for name, value in named.items()]
    return key, b"value", headers


def frame(spark: SparkSession, letters: Sequence[Any]) -> DataFrame:
    return spark.createDataFrame(letters, _SCHEMA)


def rows(
    spark: SparkSession, *frames: Sequence[Any], starts: Mapping[int, int] | None = None
) -> Any:
    spark_frames = [frame(spark, letters) for letters in frames]
    return dead_letters(spark_frames, source_topic="tiny.events", first_epochs=starts or {})


def test_each_refused_event_is_there_once_whatever_repeats_it(spark: SparkSession) -> None:
    topic = [letter(1), letter(1), letter(2, topic="other.events"), letter(3, home=None)]
    archive = [letter(1), letter(4, epoch=2, home=0), letter(4, epoch=1)]
    events = rows(spark, topic, archive, starts={1: 1, 2: 1}).orderBy("offset").collect()
    places = [(row["epoch"], row["partition"], row["offset"], row["home"]) for row in events]
    assert places == [(1, 0, 1, 1), (1, 0, 3, None), (1, 0, 4, 0)]
    assert {(row["value_bytes"], bytes(row["value"])) for row in events} == {(5, b"value")}


def test_a_recreated_topic_has_offsets_of_its_own(spark: SparkSession) -> None:
    starts = [
        EpochStart(epoch=epoch, topic_id=topic_id, first_offsets={0: 0})
        for epoch, topic_id in ((3, "b"), (2, "a"), (1, "a"))
    ]
    assert first_epochs(starts) == {1: 1, 2: 1, 3: 3}
    events = rows(spark, [letter(1, epoch=e) for e in (1, 2, 3)], starts=first_epochs(starts))
    assert sorted(row["epoch"] for row in events.collect()) == [1, 3]


@pytest.mark.parametrize(
    ("choice", "offsets"),
    [
        (DeadLetterChoice(), [1, 2, 3]),
        (DeadLetterChoice(reasons=[MALFORMED_JSON]), [2]),
        (DeadLetterChoice(keys=[b"m"]), [3]),
        (DeadLetterChoice(since_ms=2_000), [2, 3]),
        (DeadLetterChoice(since_ms=2_000, until_ms=3_000), [2]),
        (DeadLetterChoice(positions={0: [1, 3], 1: [2]}), [1, 3]),
        (DeadLetterChoice(positions={0: [1, 3]}, keys=[b"m"]), [3]),
    ],
)
def test_letters_are_chosen_by_reason_key_time_and_position(
    spark: SparkSession, choice: DeadLetterChoice, offsets: list[int]
) -> None:
    letters = [
        letter(1),
        letter(2, reason=MALFORMED_JSON, at_ms=2_000),
        letter(3, key=b"m", at_ms=3_000),
    ]
    selected_letters = choice.of(rows(spark, letters)).collect()
    assert sorted(row["offset"] for row in selected_letters) == offsets


def test_the_ledger_tells_what_is_published_and_what_a_killed_run_has_left_open(
    spark: SparkSession, tmp_path: Path
) -> None:
    ledger = ReplayLedger(spark, place_in(tmp_path, scenario="tiny"))
    assert ledger.published() is None
    assert ledger.open_runs() == []
    first = ledger.begin([(1, 0, 5), (1, 1, 5), (1, 0, 6)], topic_id="a", at={0: 90, 1: 80})
    ledger.end(first, {(1, 0, 5): (1, 80)})  # and then it was killed
    (open_run,) = ledger.open_runs()
    assert (open_run.run, open_run.topic_id, dict(open_run.begin)) == (first, "a", {0: 90, 1: 80})
    assert open_run.positions == [(1, 0, 6), (1, 1, 5)]
    ledger.end(first, {(1, 0, 6): (0, 90), (1, 1, 5): None})  # one of them has arrived
    assert ledger.open_runs() == []
    second = ledger.begin([(1, 1, 5)], topic_id="a", at={0: 91, 1: 81})
    assert second == first + 1
    assert [run.positions for run in ledger.open_runs()] == [[(1, 1, 5)]]
    published = ledger.published()
    assert published is not None
    assert sorted(tuple(row) for row in published.collect()) == [(1, 0, 5), (1, 0, 6)]
