"""Contents go out to those who may see them, and come in checked as those of events are."""

import hashlib
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from serving.attachments.overlays import FAILED, NO_FEATURES, NOTHING, OTHER_SCORE, WITHDRAWN
from serving.review_queue.priority import WaitingCosts
from tests.support.desk import problem
from tests.support.leaf_desk import LeafDesk, blank_event, content_of, model
from tests.support.pictures import dicom_of, file_of, levels

AT = "/v1/leaves/attachments"
CASES = "/v1/leaves/review/cases"
PNG = {"Content-Type": "image/png"}


@pytest.fixture(scope="module")
def leaf_desk() -> LeafDesk:
    """A service without cases."""
    return LeafDesk()


def test_a_content_is_immutable_private_and_known_by_its_digest(leaf_desk: LeafDesk) -> None:
    case = leaf_desk.add_case(1)
    digest = case.attachments["leaf"].removeprefix("sha256:")
    answer = leaf_desk.desk.client("reviewer").get(f"{AT}/{digest}")
    assert answer.status_code == 200
    assert answer.content == leaf_desk.files.stored[digest]
    assert answer.headers["content-type"] == "image/png"
    assert answer.headers["cache-control"] == "private, max-age=31536000, immutable"
    assert answer.headers["etag"] == f'"{digest}"'
    assert answer.headers["x-content-type-options"] == "nosniff"
    known = {"If-None-Match": f'"{digest}"'}
    again = leaf_desk.desk.client("auditor").get(f"{AT}/{digest}", headers=known)
    assert (again.status_code, again.content) == (304, b"")


def test_a_content_to_which_no_event_of_the_scenario_refers_is_unknown(leaf_desk: LeafDesk) -> None:
    content = content_of(levels(seed=9))
    leaf_desk.files.stored[content.digest] = content.stored  # of another scenario
    client = leaf_desk.desk.client("reviewer")
    for digest in (content.digest, "0" * 64):
        document = problem(client.get(f"{AT}/{digest}"))
        assert (document["status"], document["type"]) == (
            404,
            "urn:everscore:problem:no-attachment",
        )
    assert client.get(f"{AT}/{'0' * 63}x").status_code == 422
    assert client.get(f"/v1/another/attachments/{'0' * 64}").status_code == 404


def test_one_picture_in_any_file_has_one_reference(leaf_desk: LeafDesk) -> None:
    client = leaf_desk.desk.client("agent")
    picture = levels(seed=4)
    files = {"image/png": file_of(picture), "application/dicom": dicom_of(picture)}
    references = set()
    for media_type, raw in files.items():
        answer = client.post(
            f"{AT}?field=leaf&entity=fern", content=raw, headers={"Content-Type": media_type}
        )
        assert answer.status_code == 201, answer.text
        references.add(answer.json()["reference"])
    (reference,) = references
    assert reference == content_of(picture).reference
    assert leaf_desk.files.entities[reference.removeprefix("sha256:")] == {"fern"}
    assert b"Doe" not in leaf_desk.files.stored[reference.removeprefix("sha256:")]


@pytest.mark.parametrize(
    ("raw", "headers", "code"),
    [
        (file_of(np.full((16, 16), 7, dtype=np.uint8)), PNG, "attachment_blank"),
        (b"no picture", PNG, "attachment_broken"),
        (b"", PNG, "attachment_broken"),
        (file_of(levels()), {"Content-Type": "image/gif"}, "attachment_malformed"),
        (file_of(levels()), {}, "attachment_malformed"),
        (b"x" * 100_001, PNG, "attachment_too_large"),
        (b"[" * 5_000, PNG, "attachment_broken"),  # a file, not JSON that is nested deeply
    ],
)
def test_a_bad_file_is_refused_with_its_reason(
    leaf_desk: LeafDesk, raw: bytes, headers: dict[str, str], code: str
) -> None:
    client = leaf_desk.desk.client("operator")
    before = dict(leaf_desk.files.stored)
    answer = client.post(f"{AT}?field=leaf&entity=fern", content=raw, headers=headers)
    assert (problem(answer)["status"], problem(answer)["reason_code"]) == (422, code)
    assert leaf_desk.files.stored == before


def test_unknown_fields_and_missing_entities_are_refused(leaf_desk: LeafDesk) -> None:
    client = leaf_desk.desk.client("operator")
    raw = file_of(levels())
    assert client.post(f"{AT}?field=stem&entity=f", content=raw, headers=PNG).status_code == 404
    assert client.post(f"{AT}?field=leaf", content=raw, headers=PNG).status_code == 422
    too_much = b"x" * 1_100_000
    answer = client.post(f"{AT}?field=leaf&entity=f", content=too_much, headers=PNG)
    assert answer.status_code == 413


def held(leaf_desk: LeafDesk, case_id: str) -> None:
    leaf_desk.desk.client("ann").post(f"{CASES}/{case_id}/claim")


def overlay(leaf_desk: LeafDesk, case_id: str, name: str = "ann") -> Any:
    return leaf_desk.desk.client(name).get(f"{CASES}/{case_id}/overlays/leaf")


def test_only_who_holds_a_case_gets_its_overlay_and_always_the_same() -> None:
    leaf_desk = LeafDesk()
    case = leaf_desk.add_case(1)
    assert problem(overlay(leaf_desk, case.id))["status"] == 403
    held(leaf_desk, case.id)
    assert problem(overlay(leaf_desk, case.id, "bob"))["status"] == 403
    first = overlay(leaf_desk, case.id)
    assert (first.status_code, first.headers["content-type"]) == (200, "image/png")
    assert first.headers["cache-control"] == "private, no-store"
    leaf_desk.attachments.overlays._held.clear()
    digests = {hashlib.sha256(a.content).hexdigest() for a in (first, overlay(leaf_desk, case.id))}
    assert len(digests) == 1
    picture = leaf_desk.desk.client("ann").get(f"{CASES}/{case.id}/attachments/leaf")
    assert picture.content == leaf_desk.files.stored[case.attachments["leaf"][7:]]
    assert (
        problem(leaf_desk.desk.client("ann").get(f"{CASES}/{case.id}/attachments/stem"))["status"]
        == 404
    )
    assert overlay(leaf_desk, "leaves-1-0-99-v1").status_code == 404


def test_another_versions_map_is_never_shown() -> None:
    leaf_desk = LeafDesk()
    case = leaf_desk.add_case(1)
    held(leaf_desk, case.id)
    leaf_desk.versions = {"2": model("2")}
    assert problem(overlay(leaf_desk, case.id))["cause"] == WITHDRAWN
    leaf_desk.versions = {"1": replace(model(), predictor=Constant(0.3))}
    assert problem(overlay(leaf_desk, case.id))["cause"] == OTHER_SCORE


class Constant:
    """Gives every leaf one score."""

    def __init__(self, score: float) -> None:
        self.score = score

    def scores(self, features: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        return np.full(len(features), self.score)


def test_without_features_or_with_nothing_that_raises_the_score_there_is_no_map() -> None:
    leaf_desk = LeafDesk()
    bare = leaf_desk.add_case(1, features=[])
    held(leaf_desk, bare.id)
    assert problem(overlay(leaf_desk, bare.id))["cause"] == NO_FEATURES
    case = leaf_desk.add_case(2)

    assert case.prediction is not None
    leaf_desk.versions["1"] = replace(model(), predictor=Constant(case.prediction.score))
    leaf_desk.desk.client("bob").post(f"{CASES}/{case.id}/claim")
    assert problem(overlay(leaf_desk, case.id, "bob"))["cause"] == NOTHING


def test_a_case_is_shown_though_its_overlay_fails() -> None:
    leaf_desk = LeafDesk()
    case = leaf_desk.add_case(1)
    held(leaf_desk, case.id)
    leaf_desk.files.stored[case.attachments["leaf"].removeprefix("sha256:")] = b"no picture"
    assert problem(overlay(leaf_desk, case.id))["cause"] == FAILED
    page = leaf_desk.desk.browser("ann").get("/desk/leaves/review")
    assert page.status_code == 200
    assert "computing it failed" in page.text


def test_a_refused_picture_is_shown_to_who_holds_its_case() -> None:
    leaf_desk = LeafDesk()
    case = leaf_desk.add_refused(5, blank_event(), "attachment_blank")
    held(leaf_desk, case.id)
    path = f"{CASES}/{case.id}/attachments/leaf"
    answer = leaf_desk.desk.client("ann").get(path)
    assert (answer.status_code, answer.headers["content-type"]) == (200, "image/png")
    assert leaf_desk.desk.client("bob").get(path).status_code == 403
    assert problem(overlay(leaf_desk, case.id))["status"] == 404
    assert WaitingCosts().expected_per_hour(case, case.arrived_ms) >= 1.0
