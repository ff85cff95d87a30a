"""Challenger and shadow in the pass: what is logged of them, and that nothing else changes."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import msgspec
import numpy as np
import pytest

from batch.proofs.recompute.logged import LoggedPrediction, decoded, without_experiment
from models.scoring_model import ScoringModel
from tests.support.fragile_models import fragile_estimator, load_model, one_thread, save_model
from tests.support.tiny_model import save_tiny_model
from tests.support.tiny_pass import COUNT, Beside, Outcome, played


@pytest.fixture(scope="module", autouse=True)
def single_thread() -> Iterator[None]:
    """See `one_thread`."""
    with one_thread():
        yield


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> ScoringModel:
    """A champion that judges every event."""
    return load_model(save_tiny_model(tmp_path_factory.mktemp("sound"), seed=1))


@pytest.fixture(scope="module")
def other(tmp_path_factory: pytest.TempPathFactory) -> ScoringModel:
    """Another sound version."""
    return load_model(save_tiny_model(tmp_path_factory.mktemp("other"), seed=2))


@pytest.fixture(scope="module", params=["raise", "nan"])
def fragile(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> ScoringModel:
    """A version that raises for hot machines, or gives them the score NaN."""
    estimator = fragile_estimator(request.param)
    return load_model(save_model(tmp_path_factory.mktemp("fragile"), estimator, version="3"))


@dataclass(frozen=True)
class Broken:
    """A predictor whose library cannot be had, or that gives scores outside [0, 1]."""

    error: Exception | None

    def scores(self, features: Any) -> Any:
        """No score in [0, 1]."""
        if self.error is not None:
            raise self.error
        return np.full(len(features), 1.5)


def logged(run: Outcome) -> dict[int, LoggedPrediction]:
    messages = {at: decoded(run.messages[at]["value"]) for at in run.offsets("tiny.predictions")}
    return {
        at: message for at, message in messages.items() if isinstance(message, LoggedPrediction)
    }


def served(run: Outcome) -> dict[int, bytes]:
    """The predictions without what they say of an experiment."""
    offsets = run.offsets("tiny.predictions")
    return {at: without_experiment(run.messages[at]["value"]) for at in offsets}


def test_a_shadow_changes_nothing_but_the_end_of_its_events_messages(
    sound: ScoringModel, other: ScoringModel
) -> None:
    alone = played(sound, [COUNT])
    beside = Beside(shadow=other, shadow_share=0.3, experiment="e1")
    run = played(sound, [COUNT], beside=beside)
    assert served(run) == {at: row["value"] for at, row in sorted(alone.messages.items())}
    assert run.table.rows == alone.table.rows
    assert run.states == alone.states
    scored = [at for at, message in logged(run).items() if message.experiment is not None]
    assert 15 < len(scored) < 60
    assert run.marker.shadow_scored == len(scored)
    for at in scored:
        experiment = logged(run)[at].experiment
        assert experiment is not None
        assert (experiment.arm, experiment.propensity, experiment.other) == ("champion", 1.0, None)
        assert experiment.shadow is not None
        features = np.array([logged(run)[at].features], dtype=np.float64)
        assert experiment.shadow.score == float(other.scores(features)[0])
        assert (experiment.shadow.version, experiment.shadow.share) == ("2", 0.3)


def test_a_replay_with_other_batches_repeats_the_bytes(
    sound: ScoringModel, other: ScoringModel, fragile: ScoringModel
) -> None:
    beside = Beside(
        challenger=other,
        challenger_share=0.4,
        shadow=fragile,
        shadow_share=0.5,
        experiment="e1",
    )
    whole = played(sound, [COUNT], beside=beside)
    for cuts in (range(1, COUNT + 1), [50, 51, COUNT]):
        again = played(sound, cuts, beside=beside)
        assert again.messages == whole.messages
        assert again.table.rows == whole.table.rows


def test_an_entity_stays_in_its_arm_and_both_scores_are_logged(
    sound: ScoringModel, other: ScoringModel
) -> None:
    beside = Beside(challenger=other, challenger_share=0.5, experiment="e2")
    run = played(sound, [30, COUNT], beside=beside)
    arms: dict[str, set[str]] = {}
    for message in logged(run).values():
        experiment = message.experiment
        assert experiment is not None
        arms.setdefault(message.entity, set()).add(experiment.arm)
        is_challenged = experiment.arm == "challenger"
        assert message.model.version == ("2" if is_challenged else "1")
        assert experiment.propensity == 0.5
        assert experiment.other is not None  # twice a half is everybody
        undecided = sound if is_challenged else other
        features = np.array([message.features], dtype=np.float64)
        assert experiment.other.version == ("1" if is_challenged else "2")
        assert experiment.other.score == float(undecided.scores(features)[0])
    assert {len(arm) for arm in arms.values()} == {1}
    assert set.union(*arms.values()) == {"champion", "challenger"}


def test_without_an_experiment_a_challengers_messages_are_as_before(
    sound: ScoringModel, other: ScoringModel
) -> None:
    run = played(sound, [COUNT], beside=Beside(challenger=other, challenger_share=0.5))
    assert {message.model.version for message in logged(run).values()} == {"1", "2"}
    assert all(b'"experiment"' not in row["value"] for row in run.messages.values())


def test_a_shadow_that_fails_some_events_touches_no_row(
    sound: ScoringModel, fragile: ScoringModel
) -> None:
    alone = played(sound, [COUNT])
    beside = Beside(shadow=fragile, shadow_share=1.0, experiment="e1")
    run = played(sound, [COUNT], beside=beside)
    assert served(run) == served(alone)
    assert run.table.rows == alone.table.rows
    scores = [message.experiment.shadow.score for message in logged(run).values()
              if message.experiment and message.experiment.shadow]  # fmt: skip
    assert len(scores) == COUNT
    assert 3 < scores.count(None) < COUNT / 2
    assert (run.marker.shadow_scored, run.marker.shadow_failures) == (COUNT, scores.count(None))
    assert run.offsets("tiny.dead-letter") == []


def test_what_a_challenger_fails_the_champion_judges_in_the_challengers_arm(
    sound: ScoringModel, fragile: ScoringModel
) -> None:
    alone = logged(played(sound, [COUNT]))
    beside = Beside(challenger=fragile, challenger_share=0.5, experiment="e2")
    run = logged(played(sound, [COUNT], beside=beside))
    assert sorted(run) == list(range(COUNT))
    fallen_back = 0
    for at, message in run.items():
        assert message.experiment is not None
        if message.model.version == "1":
            same = msgspec.structs.replace(message, experiment=None)
            assert same == alone[at]
            if message.experiment.arm == "challenger":
                fallen_back += 1
                assert message.experiment.other is not None
                assert message.experiment.other.version == "3"
                assert message.experiment.other.score is None
    assert fallen_back > 1


@pytest.mark.parametrize("error", [OSError("disk"), ImportError("gone"), MemoryError(), None])
def test_no_failure_of_theirs_stops_the_champion(
    sound: ScoringModel, other: ScoringModel, error: Exception | None
) -> None:
    broken = replace(other, predictor=Broken(error), quick=None)
    alone = played(sound, [COUNT])
    for beside in (
        Beside(shadow=broken, shadow_share=1.0, experiment="e1"),
        Beside(challenger=broken, challenger_share=0.5, experiment="e1"),
    ):
        run = played(sound, [COUNT], beside=beside)
        assert served(run) == served(alone)
        assert run.table.rows == alone.table.rows
