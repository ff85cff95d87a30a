"""An audit explains a prediction completely and reports it when it cannot be reproduced."""

import math
from collections.abc import Iterator
from copy import deepcopy
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec
import pytest
from pyspark.sql import SparkSession
from threadpoolctl import threadpool_limits

from batch.proofs.audits.archive import audit_archive
from batch.proofs.audits.audit import Auditor
from batch.proofs.audits.errors import (
    EntityUnknown,
    EventRefused,
    EventSuppressed,
    NoSuchPrediction,
)
from batch.proofs.audits.facts import AuditFacts
from batch.proofs.audits.lookup import at_random, by_id, by_time
from batch.proofs.audits.model import AuditedModel
from batch.proofs.audits.report import audit_page, audit_text, write_reports
from batch.records.limits import EventLimits
from models.errors import ModelMissing
from models.registry.versions import TrainedVersion
from stores.delta.tables import DeltaPlace
from tests.scenarios.tiny import SCENARIO
from tests.support.tiny_archive import TinyArchive, tiny_archive

LIMITS = EventLimits(max_event_bytes=1_048_576, max_future_skew_seconds=300)
FAULTS = ("last bit", "score", "band", "contents", "definitions", "policy")


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TinyArchive]:
    with threadpool_limits(limits=1):
        yield tiny_archive(tmp_path_factory.mktemp("model"))


@pytest.fixture(scope="module")
def sound(
    spark: SparkSession, whole: TinyArchive, tmp_path_factory: pytest.TempPathFactory
) -> Auditor:
    """An auditor of an untouched archive."""
    return auditor(spark, whole, whole.write(spark, tmp_path_factory.mktemp("sound")))


@pytest.fixture(scope="module")
def faulty(whole: TinyArchive) -> tuple[TinyArchive, dict[str, str]]:
    """An archive with faults, and the prediction ids of each."""
    archive = deepcopy(whole)
    places = dict(zip(FAULTS, archive.scored()[10:130:20], strict=True))
    ids = {name: archive.document(at)["prediction_id"] for name, at in places.items()}
    at = places["last bit"]
    features = archive.document(at)["features"]
    archive.replace(at, features=[math.nextafter(features[0], 1e9), *features[1:]])
    at = places["score"]
    archive.replace(at, score=math.nextafter(archive.document(at)["score"], 0.0))
    at = places["band"]
    archive.replace(at, band={"ok": "hot", "hot": "ok"}[archive.document(at)["band"]])
    at = places["contents"]
    archive.predictions.append(archive.predictions[at])
    archive.replace(at, review=not archive.document(at)["review"])
    archive.replace(places["definitions"], feature_definitions="0123456789abcdef")
    archive.replace(places["policy"], policy_version="of old", action="other")
    return archive, ids


@pytest.fixture(scope="module")
def suspicious(
    spark: SparkSession,
    faulty: tuple[TinyArchive, dict[str, str]],
    tmp_path_factory: pytest.TempPathFactory,
) -> Auditor:
    """An auditor of the archive with faults."""
    return auditor(spark, faulty[0], faulty[0].write(spark, tmp_path_factory.mktemp("faulty")))


def auditor(spark: SparkSession, archive: TinyArchive, place: DeltaPlace) -> Auditor:
    def find(version: str) -> AuditedModel:
        pointer = archive.models.pointers[version]
        model = archive.models(version)
        trained_version = TrainedVersion(
            name=pointer.name,
            version=version,
            run_id="a run",
            artifact_uri=pointer.artifact_uri,
            sha256=pointer.sha256,
            created_at="2026-01-01T00:00:00+00:00",
            params={},
            metrics={},
            tags={},
        )
        return AuditedModel(registered=trained_version, card=model.card, model=model)

    return Auditor(
        archive=audit_archive(spark, place),
        scenario=SCENARIO,
        limits=LIMITS,
        find_model=find,
        code="0123abc",
    )


def audited(work: Auditor, prediction_id: str) -> AuditFacts:
    return work.audit(by_id(work.archive, prediction_id))


def missing(version: str) -> AuditedModel:
    raise ModelMissing(f"there is no version {version}")


def test_predictions_chosen_at_random_are_reproduced_to_the_last_bit(sound: Auditor) -> None:
    ids = at_random(sound.archive, 5, seed=1)
    assert len(set(ids)) == 5
    assert ids == at_random(sound.archive, 5, seed=1)
    audits = [audited(sound, prediction_id) for prediction_id in ids]
    assert [facts.outcome for facts in audits] == ["reproduced"] * 5
    assert all(feature.equal for facts in audits for feature in facts.features)
    assert all(field.equal for facts in audits for field in facts.fields)


def test_the_last_prediction_of_an_entity_tells_its_whole_story(
    sound: Auditor, whole: TinyArchive, tmp_path: Path
) -> None:
    newest = whole.document(whole.scored()[-1])
    at = datetime.fromisoformat(newest["scored_at"])
    facts = sound.audit(by_time(sound.archive, newest["entity"], at))
    assert facts.prediction_id == newest["prediction_id"]
    assert facts.event.epoch == 3
    source = newest["source"]
    earlier = [
        row
        for row in whole.events
        if row.key == newest["entity"].encode() and (row.epoch, row.offset) < (3, source["offset"])
    ]
    assert facts.history.events + facts.history.refused == len(earlier) > 5
    assert facts.reasons == facts.reasons_recomputed
    assert [feature.name for feature in facts.state if feature.changed]
    text, html = audit_text(facts), audit_page(facts)
    for shown in (facts.verdict, facts.prediction_id, facts.event.sha256, "temperature_c"):
        assert shown in text
    for outside in ("http://", "https://", "<script", "<link", "src="):
        assert outside not in html
    page = write_reports(facts, tmp_path / "new")
    assert sorted(path.suffix for path in page.parent.iterdir()) == [".html", ".json", ".txt"]
    stored = page.with_suffix(".json").read_bytes()
    assert msgspec.json.decode(stored, type=AuditFacts) == facts


def test_the_row_of_an_earlier_moment_is_the_prediction_before_it(
    sound: Auditor, whole: TinyArchive
) -> None:
    newest = whole.document(whole.scored()[-1])
    moment = datetime.fromisoformat(newest["scored_at"]) - timedelta(milliseconds=1)
    before = by_time(sound.archive, newest["entity"], moment)
    assert before.logged.entity == newest["entity"]
    assert before.logged.prediction_id != newest["prediction_id"]
    assert before.logged.scored_at <= moment


def test_what_is_not_in_the_archive_is_said_clearly(sound: Auditor, whole: TinyArchive) -> None:
    with pytest.raises(NoSuchPrediction, match=r"(?s)archive_stream --scenario tiny --once"):
        by_id(sound.archive, "tiny-3-0-7000-v1")
    prediction_id = whole.document(whole.scored()[0])["prediction_id"]
    with pytest.raises(NoSuchPrediction, match="Of this event it has"):
        by_id(sound.archive, prediction_id.replace("-v1", "-v9"))
    with pytest.raises(EntityUnknown, match="events up to 2026-03-02"):
        by_time(sound.archive, "m99", datetime.now(UTC))
    with pytest.raises(NoSuchPrediction, match="its first is of"):
        by_time(sound.archive, "m1", datetime(2020, 1, 1, tzinfo=UTC))


def test_suppressed_and_refused_events_say_why_they_have_no_prediction(
    sound: Auditor, whole: TinyArchive
) -> None:
    number = next(at for at in range(len(whole.predictions)) if "suppressed" in whole.document(at))
    suppressed = whole.document(number)
    source = f"{suppressed['source']['partition']}-{suppressed['source']['offset']}"
    with pytest.raises(EventSuppressed, match="'temperature_c'"):
        by_id(sound.archive, f"tiny-{suppressed['epoch']}-{source}-v1")
    headers = {
        header["key"]: header["value"].decode() for header in whole.dead_letters[0].headers or ()
    }
    place = f"{headers['source_partition']}-{headers['source_offset']}"
    with pytest.raises(EventRefused, match="malformed_json: not valid JSON"):
        by_id(sound.archive, f"tiny-{headers['source_epoch']}-{place}-v1")


@pytest.mark.parametrize(
    ("fault", "verdict"),
    [
        ("last bit", "NOT reproduced: temperature_c was"),
        ("score", "NOT reproduced: score was"),
        ("band", "NOT reproduced: band was"),
        ("contents", "NOT reproduced: "),
    ],
)
def test_a_planted_fault_is_named(
    suspicious: Auditor, faulty: tuple[TinyArchive, dict[str, str]], fault: str, verdict: str
) -> None:
    facts = audited(suspicious, faulty[1][fault])
    assert facts.outcome == "not reproduced"
    assert facts.verdict.startswith(verdict)
    assert "DIFFERENT" in audit_page(facts) or fault == "contents"


def test_other_definitions_or_a_missing_model_leave_what_can_be_shown(
    suspicious: Auditor, faulty: tuple[TinyArchive, dict[str, str]], whole: TinyArchive
) -> None:
    facts = audited(suspicious, faulty[1]["definitions"])
    assert facts.outcome == "not checkable"
    assert "made by definitions 0123456789abcdef" in facts.verdict
    assert facts.features
    assert "0123456789abcdef" in audit_page(facts)
    without = replace(suspicious, find_model=missing)
    facts = audited(without, whole.document(whole.scored()[5])["prediction_id"])
    assert facts.outcome == "not checkable"
    assert "there is no version 1" in facts.verdict
    assert all(feature.equal for feature in facts.features)
    assert "does not have this version" in audit_page(facts)


def test_a_policy_that_has_changed_leaves_features_and_score_proved(
    suspicious: Auditor, faulty: tuple[TinyArchive, dict[str, str]]
) -> None:
    facts = audited(suspicious, faulty[1]["policy"])
    assert facts.outcome == "reproduced"
    assert "The policy has changed since (then of old" in facts.verdict
    fields = {field.name: field.equal for field in facts.fields}
    assert (fields["score"], fields["band"], fields["action"]) == (True, None, None)
