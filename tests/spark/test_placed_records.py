"""Events outside their home: what the stream refused, every batch job refuses, and nothing else."""

from collections import Counter
from datetime import UTC, datetime
from pathlib import Path

import pytest
from pyspark.sql import SparkSession
from threadpoolctl import threadpool_limits

from batch.proofs.parity.check import ParityOptions, check_parity
from batch.proofs.parity.rows import REFUSED
from batch.rebuild.states import StateTask, rebuilt_states
from batch.records.archived import archived_records
from batch.records.limits import EventLimits
from batch.records.placed_records import placed
from batch.training_sets.event_features import event_features
from features.events.partitioners import CRC32, CUSTOM, MURMUR2
from features.events.reasons import WRONG_PARTITION
from stores.delta.epoch_table import TABLE, keep_epochs, stored_epochs
from stores.delta.tables import read_table
from stores.records.epochs import EpochRecord, EpochStart
from tests.scenarios.tiny import SCENARIO
from tests.support.archives import Row, place_in, write_archive
from tests.support.homes import home_of, keys_of
from tests.support.tiny_archive import NEW_TOPIC, NEW_TOPIC_ENDS, TinyArchive, tiny_archive
from tests.support.tiny_model import reading

LIMITS = EventLimits(max_event_bytes=1_048_576, max_future_skew_seconds=300)
AT = datetime(2026, 3, 1, tzinfo=UTC)


def refused_online(archive: TinyArchive) -> Counter[str]:
    counts: Counter[str] = Counter()
    for row in archive.dead_letters:
        headers = {header["key"]: header["value"] for header in row.headers or ()}
        counts[headers["reason_code"].decode()] += 1
    return counts


def all_of(archive: TinyArchive) -> EpochRecord:
    """An epoch that begins after everything."""
    return EpochRecord(
        epoch=4,
        topic="tiny.events",
        topic_id=NEW_TOPIC,
        partitions=2,
        first_offsets={0: NEW_TOPIC_ENDS, 1: NEW_TOPIC_ENDS},
        reason="a test",
        begun_at="",
        earlier=archive.starts,
        partitioner=archive.partitioner,
    )


@pytest.mark.parametrize("partitioner", [MURMUR2, CRC32, CUSTOM])
def test_online_and_offline_refuse_the_same_events_and_agree_to_the_last_bit(
    spark: SparkSession, tmp_path: Path, partitioner: str
) -> None:
    with threadpool_limits(limits=1):
        archive = tiny_archive(tmp_path / "1", partitioner=partitioner, foreign_share=0.2)
    refusals = refused_online(archive)
    assert refusals[WRONG_PARTITION] > 20
    place = archive.write(spark, tmp_path / "delta")
    keep_epochs(spark, place, archive.starts)

    options = ParityOptions(limits=LIMITS, share=1.0, day=None, settle_seconds=0, most_faults=20)
    report = check_parity(spark, place, SCENARIO, archive.models, options=options)
    assert report.faults == []
    assert report.is_proof
    assert report.counts[REFUSED] == refusals.total()

    folded = event_features(archived_records(spark, place, "events"), SCENARIO, LIMITS)
    counts = folded.where("refusal is not null").groupBy("refusal").count().collect()
    assert {row["refusal"]: row["count"] for row in counts} == refusals

    task = StateTask(SCENARIO.schema, SCENARIO.codec, LIMITS)
    states = rebuilt_states(spark, place, task, record=all_of(archive)).collect()
    online = {entity: max(cells)[1] for entity, cells in archive.table.states.items()}
    assert {row["entity"]: bytes(row["cell"]) for row in states} == online


def test_epochs_are_stored_once_and_newest_first(spark: SparkSession, tmp_path: Path) -> None:
    place = place_in(tmp_path, scenario="tiny")
    starts = [
        EpochStart(epoch=n, topic_id="t", first_offsets={0: n}, partitioner=MURMUR2)
        for n in (3, 2, 1)
    ]
    assert stored_epochs(spark, place) == ()
    keep_epochs(spark, place, starts[1:])
    keep_epochs(spark, place, starts)
    keep_epochs(spark, place, starts)
    assert stored_epochs(spark, place) == tuple(starts)
    assert read_table(spark, place.path(TABLE), made_by="").count() == 3


def test_an_event_is_judged_by_the_partitions_of_the_epoch_that_scored_it(
    spark: SparkSession, tmp_path: Path
) -> None:
    """The archive still counts offset 5 to epoch 1, as it does when it was ahead of the stream."""
    place = place_in(tmp_path, scenario="tiny")
    rows: list[Row] = [(b"k", b"", 0, offset, AT, 1) for offset in (4, 5, 6)]
    rows.append((b"k", b"", 2, 0, AT, 2))
    write_archive(spark, place, "events", rows)
    starts = [
        EpochStart(epoch=2, topic_id="t1", first_offsets={0: 5, 1: 9, 2: 0}, partitioner=CRC32),
        EpochStart(epoch=1, topic_id="t1", first_offsets={0: 0, 1: 0}),
    ]
    events = read_table(spark, place.path("events"), made_by="")
    placed_rows = placed(events, starts, None).orderBy("partition", "offset").collect()
    assert [(row["partitions"], row["partitioner"], row["home"]) for row in placed_rows] == [
        (2, CUSTOM, -1),
        (3, CRC32, -1),
        (3, CRC32, -1),
        (3, CRC32, -1),
    ]


def test_an_archive_without_epochs_folds_a_key_of_two_partitions_in_the_lower_one(
    spark: SparkSession, tmp_path: Path
) -> None:
    """Older than the table of epochs: it raised, and no training set could be built any more."""
    place = place_in(tmp_path, scenario="tiny")
    (key,) = keys_of(1, 1)
    assert home_of(key) == 1
    event = reading(key, seconds=9, temperature_c=20.0)
    rows: list[Row] = [(key.encode(), event, p, o, AT, 1) for p in (0, 1) for o in (0, 1)]
    write_archive(spark, place, "events", [*rows, (key.encode(), event, 1, 2, AT, 2)])
    folded = event_features(archived_records(spark, place, "events"), SCENARIO, LIMITS).collect()
    assert sorted((row["epoch"], row["partition"], row["refusal"] or "") for row in folded) == [
        (1, 0, ""),
        (1, 0, ""),
        (1, 1, WRONG_PARTITION),
        (1, 1, WRONG_PARTITION),
        (2, 1, ""),
    ]
