"""An event that cannot be judged is a dead letter after its state was folded; no other changes."""

from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from models.scoring_model import ScoringModel
from tests.scenarios.tiny import SCENARIO
from tests.support.fragile_models import (
    estimator_of,
    fragile_estimator,
    load_model,
    one_thread,
    save_model,
)
from tests.support.tiny_pass import COUNT, MACHINES, events, headers_of, played


@pytest.fixture(scope="module", autouse=True)
def single_thread() -> Iterator[None]:
    """See `one_thread`."""
    with one_thread():
        yield


@pytest.fixture(scope="module", params=["raise", "nan"])
def model(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> ScoringModel:
    """A stored model that raises for hot machines, or gives them the score NaN."""
    estimator = fragile_estimator(request.param)
    return load_model(save_model(tmp_path_factory.mktemp("model"), estimator, version="1"))


def test_each_event_has_one_outcome_and_the_neighbours_those_that_they_have_alone(
    model: ScoringModel, capfd: pytest.CaptureFixture[str]
) -> None:
    together = played(model, [COUNT])
    log_lines = capfd.readouterr().err.splitlines()
    alone = played(model, range(1, COUNT + 1))
    halves = played(model, [COUNT // 2 + 7, COUNT])
    assert together.messages == alone.messages == halves.messages
    assert sorted(together.messages) == list(range(COUNT))
    dead = together.offsets("tiny.dead-letter")
    assert 3 < len(dead) < COUNT / 2
    assert len([line for line in log_lines if "unscorable" in line]) == 1
    assert f"{len(dead)} of {COUNT} events are dead letters (unscorable)" in "\n".join(log_lines)


def test_the_dead_letter_has_the_original_and_the_cause(model: ScoringModel) -> None:
    run = played(model, [COUNT])
    for offset in run.offsets("tiny.dead-letter"):
        row, headers = run.messages[offset], headers_of(run.messages[offset])
        assert row["value"] == events(offset, offset + 1).records.values[0]
        assert headers["reason_code"] == "unscorable"
        assert headers["reason"].startswith("model everscore-tiny version 1 ")
        assert "ValueError" in headers["reason"] or "score nan" in headers["reason"]


def test_its_state_was_folded_and_no_row_shows_it(model: ScoringModel) -> None:
    run = played(model, [COUNT])
    assert run.states == played(model, [50, 51, COUNT]).states
    states = SCENARIO.codec.decode(list(run.states.values()))
    assert states.events.sum() == COUNT
    dead = set(run.offsets("tiny.dead-letter"))
    for entity, row in run.table.rows.items():
        scored = [
            at for at in range(COUNT) if f"machine {at % MACHINES}" == entity and at not in dead
        ]
        assert msgspec.json.decode(row)["source"]["offset"] == scored[-1]


def test_later_events_know_of_it(model: ScoringModel) -> None:
    run = played(model, [COUNT])
    column = SCENARIO.feature_names.index("readings")
    for offset in run.offsets("tiny.predictions"):
        features = msgspec.json.decode(run.messages[offset]["value"])["features"]
        assert features[column] == offset // MACHINES + 1


def test_the_marker_counts_them_and_names_a_cause(model: ScoringModel) -> None:
    run = played(model, [COUNT])
    dead = run.offsets("tiny.dead-letter")
    last = run.marker
    assert (last.unscorable, last.dead_letters, last.predictions) == (
        len(dead),
        len(dead),
        COUNT - len(dead),
    )
    assert last.unscorable_cause == headers_of(run.messages[dead[0]])["reason"]


def test_a_whole_batch_that_cannot_be_judged_is_told_and_the_stream_goes_on(
    tmp_path: Path, model: ScoringModel
) -> None:
    broken = load_model(save_model(tmp_path, fragile_estimator("raise"), version="1"))
    estimator_of(broken).calibrated_classifiers_[0].calibrators[0].__dict__.pop("f_")
    run = played(broken, [50, COUNT])
    assert run.offsets("tiny.dead-letter") == list(range(COUNT))
    assert run.states == played(model, [COUNT]).states
    assert run.marker.unscorable == COUNT - 50
    assert "AttributeError" in run.marker.unscorable_cause
