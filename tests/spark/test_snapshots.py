"""Training snapshots: what gets in, what is counted, what is refused, what a crash leaves."""

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest
from pyspark.sql import SparkSession

from batch.records.limits import EventLimits
from batch.training_sets.build import (
    AsOfInFuture,
    Build,
    check_as_of,
    rows_and_counts,
    sources,
    write_snapshot,
)
from batch.training_sets.reviewed import LabelSource
from batch.training_sets.rows import TrainingOptions
from batch.training_sets.snapshots import (
    OtherDefinitions,
    SnapshotRecord,
    check_definitions,
    load_training_set,
    read_record,
    snapshot_numbers,
)
from scenarios.contract.review.decisions import decision_document
from stores.delta.tables import DeltaPlace, PastRetention, TableAbsent, VersionAbsent, read_table
from tests.scenarios.tiny import SCENARIO
from tests.support.archives import Row, place_in, write_archive
from tests.support.review_decisions import review_decision

LIMITS = EventLimits(max_event_bytes=100_000, max_future_skew_seconds=300)
DAY = 86_400.0
NOW = 1_767_225_600.0 + 100 * DAY  # seconds


def moment(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)


def reading(machine: str, offset: int, *, at: float, arrived: float, temperature: float) -> Row:
    event = {
        "type": "reading",
        "machine": machine,
        "event_time": moment(at).isoformat(),
        "temperature_c": temperature,
        "mode": "normal",
    }
    return machine.encode(), json.dumps(event).encode(), 0, offset, moment(arrived), 1


def label(machine: str, offset: int, *, at: float, arrived: float, outcome: str) -> Row:
    event = {
        "type": "outcome",
        "machine": machine,
        "event_time": moment(at).isoformat(),
        "outcome": outcome,
    }
    return machine.encode(), json.dumps(event).encode(), 0, offset, moment(arrived), 1


def build(*, as_of: float = NOW, labels_from: LabelSource = "labels") -> Build:
    return Build(
        scenario=SCENARIO,
        options=TrainingOptions(limits=LIMITS, as_of_ms=int(as_of * 1000)),
        created_at=moment(NOW),
        git_commit="abc",
        labels_from=labels_from,
    )


def built(
    spark: SparkSession,
    place: DeltaPlace,
    *,
    as_of: float = NOW,
    labels_from: LabelSource = "labels",
) -> SnapshotRecord:
    lines: list[str] = []
    snapshot_build = build(as_of=as_of, labels_from=labels_from)
    archive = sources(spark, place, as_of_ms=snapshot_build.options.as_of_ms)
    rows, counts = rows_and_counts(archive, snapshot_build, progress=lines.append)
    record, _ = write_snapshot(
        spark, place, snapshot_build, archive, rows=rows, counts=counts, progress=lines.append
    )
    return record


@pytest.fixture
def place(spark: SparkSession, tmp_path: Path) -> DeltaPlace:
    """An archive with every kind of troublesome label."""
    place = place_in(tmp_path, scenario="tiny")
    start = NOW - 50 * DAY
    events = [
        reading("good", 0, at=start, arrived=start, temperature=20),
        reading("told twice", 1, at=start, arrived=start, temperature=30),
        reading("contradicted", 2, at=start, arrived=start, temperature=40),
        reading("late", 3, at=start, arrived=NOW - 1 * DAY, temperature=50),
        # Its producer's clock is a day behind: an event that is simply older.
        reading("slow clock", 4, at=start - DAY, arrived=start, temperature=60),
        # This one's is a day ahead: refused, it never touches a feature.
        reading("fast clock", 5, at=start + DAY, arrived=start, temperature=70),
        reading("label first", 6, at=start + 20 * DAY, arrived=start + 20 * DAY, temperature=80),
    ]
    outcome_at = start + 10 * DAY
    names = ["good", "told twice", "told twice", "contradicted", "contradicted", "late"]
    names += ["slow clock", "fast clock", "label first", "stranger"]
    results = ["fine", "failed", "failed", "fine", "failed", "fine", "fine", "fine", "fine", "fine"]
    labels = [
        label(name, offset, at=outcome_at, arrived=outcome_at + offset, outcome=outcome)
        for offset, (name, outcome) in enumerate(zip(names, results, strict=True))
    ]
    write_archive(spark, place, "events", events)
    write_archive(spark, place, "labels", labels)
    return place


def test_every_label_has_a_stated_fate_and_the_record_tells_it(
    spark: SparkSession, place: DeltaPlace
) -> None:
    record = built(spark, place)
    training_set = load_training_set(spark, record)
    assert training_set.entities == ["contradicted", "good", "slow clock", "told twice"]
    # Of contradictory labels the last one counts.
    assert training_set.outcomes.tolist() == [1, 0, 0, 1]
    expected = {
        "events": 6,
        "events_refused_future_event": 1,
        "outcomes": 8,
        "outcomes_told_again": 2,
        "outcomes_contradicted_last_counts": 1,
        "outcomes_of_unknown_entities": 2,  # the stranger, and the machine whose clock is ahead
        "outcomes_before_any_usable_event": 2,  # the late one, and the one labelled first
        "rows": 4,
    }
    assert {name: record.counts[name] for name in expected} == expected
    assert record.rows_digest == training_set.digest
    assert (record.events_version, record.labels_version, record.version) == (0, 0, 0)


def test_verdicts_of_reviewers_teach_with_the_weight_of_their_chance(
    spark: SparkSession, place: DeltaPlace
) -> None:
    decisions = [
        review_decision(0, label=1),
        review_decision(2, label=0, because=("random",), propensity=0.1),
        review_decision(5, label=1),  # of the refused event
        review_decision(90, label=1),  # of none
    ]
    # Its topic's epoch is not that of the events.
    rows = [
        (b"machine", decision_document(decision), 0, number, moment(NOW - DAY), 7)
        for number, decision in enumerate(decisions)
    ]
    write_archive(spark, place, "review-decisions", rows)
    record = built(spark, place, labels_from="reviews")
    training_set = load_training_set(spark, record)
    assert training_set.entities == ["contradicted", "good"]
    assert training_set.outcomes.tolist() == [0, 1]
    assert training_set.weights is not None
    assert training_set.weights.tolist() == pytest.approx([10.0, 1.0])
    temperature = record.feature_names.index("temperature_c")
    assert training_set.features[:, temperature].tolist() == [40.0, 20.0]
    assert (record.labels_from, record.acted_on) == ("reviews", "keep")
    assert (record.counts["reviews"], record.counts["reviews_without_a_usable_event"]) == (4, 2)


def test_what_arrived_after_the_as_of_time_is_not_there(
    spark: SparkSession, place: DeltaPlace
) -> None:
    early = built(spark, place, as_of=NOW - 45 * DAY)
    assert early.rows == 0
    assert early.counts["labels"] == 0


def test_an_as_of_time_in_the_future_is_refused(spark: SparkSession) -> None:
    with pytest.raises(AsOfInFuture, match="in the future"):
        check_as_of(build(as_of=NOW + 1))


def test_the_same_archive_gives_the_same_rows_and_a_number_of_its_own(
    spark: SparkSession, place: DeltaPlace
) -> None:
    first, second = built(spark, place), built(spark, place)
    assert (first.number, second.number) == (1, 2)
    assert first.rows_digest == second.rows_digest


def test_what_a_killed_build_left_is_neither_read_nor_reused(
    spark: SparkSession, place: DeltaPlace, tmp_path: Path
) -> None:
    half = tmp_path / "tiny" / "training_sets" / "000001"
    half.mkdir(parents=True)
    (half / "part-00000.snappy.parquet").write_bytes(b"PAR1 half")
    with pytest.raises(TableAbsent, match=r"finished are \[\]: run"):
        read_record(spark, place)
    record = built(spark, place)
    assert record.number == 2
    assert snapshot_numbers(spark, place) == [2]
    with pytest.raises(
        TableAbsent, match=r"no finished training snapshot 1 in .*finished are \[2\]"
    ):
        read_record(spark, place, 1)
    assert read_record(spark, place) == record


def test_a_snapshot_of_other_definitions_is_refused_with_its_commit(
    spark: SparkSession, place: DeltaPlace
) -> None:
    import msgspec

    record = msgspec.structs.replace(built(spark, place), definitions_digest="00ff")
    with pytest.raises(OtherDefinitions, match="commit abc"):
        check_definitions(record, SCENARIO)


def test_missing_tables_wrong_versions_and_removed_ones_are_told_apart(
    spark: SparkSession, place: DeltaPlace
) -> None:
    path = place.path("events")
    with pytest.raises(TableAbsent, match=r"run \./spark-submit\.sh archive_stream"):
        read_table(spark, place.path("predictions"), made_by="archive_stream")
    with pytest.raises(VersionAbsent, match=r"Available versions: \[0, 0\]"):
        read_table(spark, path, made_by="archive_stream", version=7)
    spark.sql(f"DELETE FROM delta.`{path}` WHERE offset = 0")
    spark.sql(
        f"ALTER TABLE delta.`{path}` SET TBLPROPERTIES "
        "('delta.deletedFileRetentionDuration' = 'interval 0 hours')"
    )
    with pytest.raises(PastRetention, match="may have been removed"):
        read_table(spark, path, made_by="archive_stream", version=0)
