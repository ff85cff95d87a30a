"""What the pass sends to review: rules, a random share, disagreement, missing features."""

from collections.abc import Iterator
from dataclasses import replace

import msgspec
import pytest

from models.scoring_model import ScoringModel
from scenarios.contract.review.plan import ReviewPlan
from serving.review_queue.messages import CaseRecord, case_of
from stores.records.review_cases import Sent
from streaming.messages.documents import row_in
from tests.scenarios.tiny import SCENARIO
from tests.support.fragile_models import load_model, one_thread
from tests.support.review_cases import RULES
from tests.support.tiny_model import save_tiny_model
from tests.support.tiny_pass import COUNT, Beside, Outcome, played


@pytest.fixture(scope="module", autouse=True)
def single_thread() -> Iterator[None]:
    """See `one_thread`."""
    with one_thread():
        yield


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> ScoringModel:
    """The champion."""
    return load_model(save_tiny_model(tmp_path_factory.mktemp("model"), seed=1))


@pytest.fixture(scope="module")
def other(tmp_path_factory: pytest.TempPathFactory) -> ScoringModel:
    """Another version."""
    return load_model(save_tiny_model(tmp_path_factory.mktemp("other"), seed=2))


def sent_by(run: Outcome) -> dict[int, Sent]:
    return {at: case_in(message) for at, message in run.reviews.items()}


def case_in(message: bytes) -> Sent:
    case = case_of(CaseRecord(message, 0), "tiny", RULES)
    assert case is not None
    return case.sent


def rows_of(run: Outcome) -> dict[int, bytes]:
    return {at: row_in(row["value"]) for at, row in run.messages.items()}


def test_without_a_plan_the_rows_are_the_messages_of_review(model: ScoringModel) -> None:
    run = played(model, [COUNT])
    rows = rows_of(run)
    by_rule = {at for at, row in rows.items() if msgspec.json.decode(row)["review"]}
    assert by_rule
    assert run.reviews == {at: rows[at] for at in by_rule}


@pytest.mark.parametrize("cuts", [[COUNT], [7, 50, COUNT]])
def test_a_random_share_is_sent_with_its_propensity_and_nothing_else_changes(
    model: ScoringModel, cuts: list[int]
) -> None:
    plain = played(model, [COUNT])
    scenario = replace(SCENARIO, review=ReviewPlan(random_share=0.3))
    run = played(model, cuts, scenario=scenario)
    assert run.messages == plain.messages
    assert run.table.rows == plain.table.rows
    assert run.reviews == played(model, [COUNT], scenario=scenario).reviews
    sent = sent_by(run)
    by_chance = {at for at, reason in sent.items() if reason.because == ("random",)}
    assert {at for at in sent if at not in by_chance} == set(plain.reviews)
    assert 0.15 < len(by_chance) / (COUNT - len(plain.reviews)) < 0.45
    assert {sent[at].propensity for at in by_chance} == {0.3}
    assert {sent[at].propensity for at in plain.reviews} == {1.0}
    rows = rows_of(run)
    assert all(message.startswith(rows[at][:-1]) for at, message in run.reviews.items())


def test_versions_that_decide_for_different_bands_send_the_case(
    model: ScoringModel, other: ScoringModel
) -> None:
    beside = Beside(challenger=other, challenger_share=0.5, experiment="e1")
    scenario = replace(SCENARIO, review=ReviewPlan(disagreements=True))
    run = played(model, [COUNT], beside=beside, scenario=scenario)
    rows = {at: msgspec.json.decode(row["value"]) for at, row in run.messages.items()}
    pairs = {at: row["experiment"].get("other") for at, row in rows.items()}
    bands = {at: "hot" if pair["score"] >= 0.5 else "ok" for at, pair in pairs.items() if pair}
    expected = {at: band for at, band in bands.items() if band != rows[at]["band"]}
    sent = sent_by(run)
    disagreements = {at: case for at, case in sent.items() if "disagreement" in case.because}
    assert {at: case.other.band for at, case in disagreements.items() if case.other} == expected
    assert {case.other.score for case in disagreements.values() if case.other} == {
        pairs[at]["score"] for at in expected
    }


def test_a_case_without_most_of_its_features_is_sent(model: ScoringModel) -> None:
    scenario = replace(SCENARIO, review=ReviewPlan(most_missing=0.1))
    run = played(model, [COUNT], scenario=scenario)
    rows = {at: msgspec.json.decode(row["value"])["features"] for at, row in run.messages.items()}
    expected = {at for at, features in rows.items() if features.count(None) / len(features) > 0.1}
    missing = {at for at, case in sent_by(run).items() if "missing_features" in case.because}
    assert missing == expected
