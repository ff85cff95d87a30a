"""The archive reproduces every prediction to the last bit, and every planted fault is found."""

import math
from collections.abc import Iterator
from copy import deepcopy
from dataclasses import replace
from datetime import date
from pathlib import Path

import msgspec
import pytest
from pyspark.sql import SparkSession
from threadpoolctl import threadpool_limits

from batch.proofs.parity.check import ParityOptions, append_report, check_parity
from batch.proofs.parity.compare import CONFLICT, MESSAGES, POLICY_CHANGED, REPEATS
from batch.proofs.parity.report import ParityReport, verdict
from batch.proofs.parity.rows import (
    AWAITED,
    NO_EVENT,
    NO_PREDICTION,
    NOT_READABLE,
    OTHER_DEFINITIONS,
    REFUSED,
    SUPPRESSED_RIGHTLY,
)
from batch.records.limits import EventLimits
from models.errors import ModelMissing
from models.scoring_model import ScoringModel
from stores.delta.tables import DeltaPlace
from tests.scenarios.tiny import SCENARIO
from tests.support.tiny_archive import TinyArchive, tiny_archive

LIMITS = EventLimits(max_event_bytes=1_048_576, max_future_skew_seconds=300)


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TinyArchive]:
    with threadpool_limits(limits=1):
        yield tiny_archive(tmp_path_factory.mktemp("model"))


@pytest.fixture
def archive(whole: TinyArchive) -> TinyArchive:
    return deepcopy(whole)


def options(*, share: float = 1.0, day: date | None = None) -> ParityOptions:
    return ParityOptions(limits=LIMITS, share=share, day=day, settle_seconds=0, most_faults=20)


def checked(
    spark: SparkSession, place: DeltaPlace, archive: TinyArchive, *, share: float = 1.0
) -> ParityReport:
    return check_parity(spark, place, SCENARIO, archive.models, options=options(share=share))


def no_model(version: str) -> ScoringModel:
    raise ModelMissing(f"there is no version {version}")


def test_an_untouched_archive_of_three_epochs_is_equal_to_the_last_bit(
    spark: SparkSession, archive: TinyArchive, tmp_path: Path
) -> None:
    archive.predictions += [*archive.predictions[:5]]  # a replay repeats messages
    place = archive.write(spark, tmp_path)
    report = checked(spark, place, archive)
    scored = len({archive.document(at)["prediction_id"] for at in archive.scored()})
    assert report.faults == []
    assert report.is_proof
    assert report.compared == scored > 150
    assert report.counts[REFUSED] == len(archive.dead_letters) > 0
    assert report.counts[SUPPRESSED_RIGHTLY] > 0
    assert report.counts[REPEATS] == 5
    assert report.counts[MESSAGES] == len(archive.predictions)
    assert [column.name for column in report.columns if "." not in column.name] == list(
        SCENARIO.plan.feature_names
    )
    assert {column.equal for column in report.columns} == {scored}
    assert verdict(report).startswith(f"equal to the last bit: {scored} predictions")
    append_report(spark, place, report)
    append_report(spark, place, report)
    reports = spark.read.format("delta").load(place.path("parity"))
    assert reports.count() == 2 * len(report.columns)
    assert reports.where("feature = 'heat' and equal > 0 and different = 0").count() == 2


def test_every_planted_fault_is_found_and_named(
    spark: SparkSession, archive: TinyArchive, tmp_path: Path
) -> None:
    last_bit, score, band, twice, gone, unknown = archive.scored()[10:70:10]
    heat = SCENARIO.plan.feature_names.index("heat")
    features = archive.document(last_bit)["features"]
    features[heat] = math.nextafter(features[heat], math.inf)
    archive.replace(last_bit, features=features)
    archive.replace(score, score=math.nextafter(archive.document(score)["score"], 0.0))
    other = {"ok": "hot", "hot": "ok"}[archive.document(band)["band"]]
    archive.replace(band, band=other)
    archive.predictions.append(archive.predictions[twice])
    archive.replace(twice, review=not archive.document(twice)["review"])
    features = archive.document(unknown)["features"]
    archive.replace(unknown, features=[None, *features[1:]])
    ids = {
        name: archive.document(at)["prediction_id"]
        for name, at in (
            ("heat", last_bit),
            ("prediction.score", score),
            ("prediction.band", band),
            ("temperature_c", unknown),
            (NO_PREDICTION, gone),
            (CONFLICT, twice),
            ("prediction.review", twice),
        )
    }
    missed = archive.document(gone)["source"]
    del archive.predictions[gone]
    report = checked(spark, archive.write(spark, tmp_path), archive)
    assert not report.is_proof
    assert report.problems == {
        "heat": 1,
        "temperature_c": 1,
        "prediction.score": 1,
        "prediction.band": 1,
        "prediction.review": 1,
        NO_PREDICTION: 1,
        CONFLICT: 2,
    }
    named = {(fault.fault, fault.prediction_id) for fault in report.faults}
    assert {(name, ids[name]) for name in ids if name != NO_PREDICTION} <= named
    (missing,) = [fault for fault in report.faults if fault.fault == NO_PREDICTION]
    assert (missing.partition, missing.offset) == (missed["partition"], missed["offset"])
    columns = {column.name: column for column in report.columns}
    assert 0 < columns["heat"].largest_difference < 1e-9
    assert (columns["temperature_c"].different, columns["temperature_c"].missing) == (0, 1)
    assert verdict(report).startswith("NOT equal: ")


def test_what_cannot_be_compared_is_counted_apart(
    spark: SparkSession, archive: TinyArchive, tmp_path: Path
) -> None:
    definitions, policy = archive.scored()[20], archive.scored()[30]
    archive.replace(definitions, feature_definitions="0123456789abcdef")
    archive.replace(policy, policy_version="of old", band="hot", action="other")
    report = checked(spark, archive.write(spark, tmp_path), archive)
    assert report.is_proof
    assert report.counts[OTHER_DEFINITIONS] == 1
    assert report.counts[f"{OTHER_DEFINITIONS}: 0123456789abcdef"] == 1
    assert report.counts[POLICY_CHANGED] == 1


def test_messages_without_an_event_and_those_that_are_no_predictions_are_faults(
    spark: SparkSession, archive: TinyArchive, tmp_path: Path
) -> None:
    at = archive.scored()[0]
    document = archive.document(at)
    epoch, partition = document["prediction_id"].split("-")[1], document["source"]["partition"]
    stray = {
        **document,
        "prediction_id": f"tiny-{epoch}-{partition}-5000-v1",
        "source": {**document["source"], "offset": 5000},
    }
    row = archive.predictions[at]
    archive.predictions += [
        replace(row, value=msgspec.json.encode(stray)),
        replace(row, value=b'{"prediction_id": "tiny-1"}'),
    ]
    report = checked(spark, archive.write(spark, tmp_path), archive)
    assert report.problems == {NO_EVENT: 1, NOT_READABLE: 1}


def test_events_that_the_stream_may_not_have_reached_yet_are_awaited(
    spark: SparkSession, archive: TinyArchive, tmp_path: Path
) -> None:
    newest = max(row.time for row in archive.events)
    is_late = [row.time > newest for row in archive.predictions]
    assert sum(is_late) > 2
    archive.predictions = [
        row for row, late in zip(archive.predictions, is_late, strict=True) if not late
    ]
    report = checked(spark, archive.write(spark, tmp_path), archive)
    assert report.counts[AWAITED] > 0
    assert not report.problems.keys() - {NO_PREDICTION}


def test_a_model_that_cannot_be_had_is_a_problem_and_says_why(
    spark: SparkSession, archive: TinyArchive, tmp_path: Path
) -> None:
    place = archive.write(spark, tmp_path)
    report = check_parity(spark, place, SCENARIO, no_model, options=options())
    ((name, number),) = report.problems.items()
    assert "there is no version 1" in name
    assert number == report.compared


def test_a_share_checks_fewer_and_days_add_up_to_the_whole(
    spark: SparkSession, archive: TinyArchive, tmp_path: Path
) -> None:
    place = archive.write(spark, tmp_path)
    whole = len({archive.document(at)["prediction_id"] for at in archive.scored()})
    half = checked(spark, place, archive, share=0.5)
    assert half.is_proof
    assert 0 < half.compared < whole
    days = [
        check_parity(spark, place, SCENARIO, archive.models, options=options(day=day))
        for day in (date(2026, 3, 1), date(2026, 3, 2))
    ]
    assert all(report.is_proof for report in days)
    assert sum(report.compared for report in days) == whole
