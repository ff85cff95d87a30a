"""Simulated studies are valid and seeded; bad images are refused as intended."""

import json
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path

import numpy as np
import pytest

from scenarios.simulation.bad_events import BAD_KINDS
from scenarios.simulation.records import Record, record_of
from scenarios.xray.events import LABEL_SCHEMA, SCHEMA
from scenarios.xray.images_file import XrayFileError
from scenarios.xray.patient_split import part_of
from scenarios.xray.preparation import write_xrays
from scenarios.xray.source import open_source
from scenarios.xray.traffic.faults import FAULTS
from scenarios.xray.traffic.picture_files import DICOM, JPEG, PNG
from scenarios.xray.traffic.simulator import FINDING_BEHIND, FollowUps
from scenarios.xray.traffic.studies import History, media_type, patient_id, study_event
from tests.support.scenario_records import ARRIVAL_MS, MAX_EVENT_BYTES, decoded
from tests.unit.scenarios.xray.likely_xrays import likely_xrays

NOW = datetime.fromtimestamp(ARRIVAL_MS / 1000, UTC)


def _records(number: int, *, seed: int = 1, bad_share: float = 0.0) -> list[Record]:
    source = FollowUps(
        xrays=likely_xrays(6),
        seed=seed,
        now=lambda: NOW,
        bad_share=bad_share,
        too_large_bytes=MAX_EVENT_BYTES + 1,
    )
    return list(islice(source, number))


def test_good_studies_and_their_findings_are_all_valid() -> None:
    records = _records(200)
    studies = [record for record in records if record.topic_kind == "events"]
    findings = [record for record in records if record.topic_kind == "labels"]
    assert decoded(studies, SCHEMA).refusals == []
    assert decoded(findings, LABEL_SCHEMA).refusals == []
    ids = [json.loads(record.value or b"")["study_id"] for record in studies]
    told = [json.loads(record.value or b"")["study_id"] for record in findings]
    assert len(set(ids)) == len(ids)
    assert told == ids[: len(told)]
    assert len(told) >= (200 - FINDING_BEHIND) // 2 - 1


def test_the_same_seed_gives_the_same_studies_and_another_seed_others() -> None:
    first = _records(60, bad_share=0.2)
    assert first == _records(60, bad_share=0.2)
    assert first != _records(60, bad_share=0.2, seed=2)


@pytest.mark.parametrize("name", FAULTS)
def test_a_faulty_image_is_refused_for_its_reason(name: str) -> None:
    fault = FAULTS[name]
    study = study_event(
        patient="P1",
        event_time="2026-09-01T00:00:00.000Z",
        study_id=1,
        image=fault.spoilt(likely_xrays(1).images[0]),
    )
    (refusal,) = decoded([record_of(study, key="P1")], SCHEMA).refusals
    assert refusal.code == fault.reason, refusal


def test_every_bad_kind_occurs_and_is_refused_for_its_reason() -> None:
    records = [record for record in _records(160, bad_share=0.9) if record.topic_kind == "events"]
    refused = {refusal.row: refusal.code for refusal in decoded(records, SCHEMA).refusals}
    expected = {row: record.kind for row, record in enumerate(records) if record.is_bad}
    assert refused == expected
    faults = {fault.reason for fault in FAULTS.values()}
    assert set(expected.values()) == {*BAD_KINDS, "too_large", *faults}


def test_history_is_the_same_every_time_in_order_with_findings_days_later() -> None:
    history = History(xrays=likely_xrays(30), has_findings=True)
    assert list(history) == list(History(xrays=likely_xrays(30), has_findings=True))
    events = [json.loads(record.value or b"") for record in history]
    times = [event["event_time"] for event in events]
    assert times == sorted(times)
    taken = {event["study_id"]: event["event_time"] for event in events if event["type"] == "study"}
    for event in events:
        if event["type"] == "finding":
            waited = datetime.fromisoformat(event["event_time"]) - datetime.fromisoformat(
                taken[event["study_id"]]
            )
            assert 2 <= waited.total_seconds() / 86_400 <= 5
    assert history[:2] == [history[0], history[1]]


def test_most_images_are_png_some_jpeg_and_some_dicom() -> None:
    kinds = [media_type(study_id) for study_id in range(100)]
    assert {kind: kinds.count(kind) for kind in (PNG, JPEG, DICOM)} == {PNG: 86, JPEG: 10, DICOM: 4}


def test_a_pseudonym_is_that_of_the_child_and_does_not_say_who_is_ill() -> None:
    assert patient_id("person12_b") == patient_id("person12_v") != patient_id("person13_b")
    assert patient_id("IM-0115") == patient_id("NORMAL2-IM-0115")
    assert {patient_id(f"{kind}{n}")[0] for kind in ("IM-", "person") for n in range(50)} == {"P"}


def test_history_and_follow_ups_are_of_different_children_whom_the_network_never_saw(
    tmp_path: Path,
) -> None:
    write_xrays(likely_xrays(120), tmp_path)
    source = open_source(tmp_path, None)
    assert {part_of(str(patient)) for patient in source.past.patients} == {"calibration"}
    assert {part_of(str(patient)) for patient in source.coming.patients} == {"held_out"}
    few = open_source(tmp_path, 3)
    assert len(few.past) == 3
    assert len(few.coming) == 3
    assert set(few.past.types.tolist()) <= {0, 1, 2}


def test_a_missing_folder_is_said_with_where_to_get_it(tmp_path: Path) -> None:
    with pytest.raises(XrayFileError, match=r"Kermany.*EVERSCORE_XRAY_FOLDER"):
        open_source(tmp_path / "nowhere", None)


def test_no_image_of_the_file_has_lost_a_bit_on_its_way() -> None:
    xrays = likely_xrays(2)
    assert xrays.images.dtype == np.uint8
    (study, _) = History(xrays=xrays, has_findings=False)
    assert "image" in json.loads(study.value or b"")
