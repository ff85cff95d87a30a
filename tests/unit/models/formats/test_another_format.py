"""A version of a format that knows no trees and gives no reasons is loaded, scored and served."""

import pickle
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest

from models.errors import ModelCorrupt
from models.fast.quick_scores import quick_scores
from models.formats.artifact import folder_sha256, load_artifact, save_artifact
from models.formats.format import ModelFormat, ModelInFile, model_format
from models.scoring_model import Matrix, ScoringModel
from scenarios.contract.deployable import check_model
from scenarios.contract.judge import Judge, Judges
from tests.scenarios.tiny import SCENARIO
from tests.support.fragile_models import bare_card
from tests.support.tiny_pass import COUNT, played

THRESHOLDS = SCENARIO.policy.thresholds()
CARD = bare_card(stored_as="weights")


@dataclass(frozen=True)
class Weights:
    """A logistic regression by hand; missing values count as 0."""

    weights: tuple[float, ...]

    def scores(self, features: Matrix) -> Matrix:
        sums = (np.nan_to_num(features) * np.array(self.weights)).sum(axis=1)
        scores: Matrix = 1.0 / (1.0 + np.exp(-sums))
        return scores


@dataclass(frozen=True)
class WeightsFormat:
    """Weights as a list in JSON."""

    name: str = "weights"
    file_name: str = "weights.json"
    libraries: tuple[str, ...] = ("numpy",)
    tolerance: float = 0.0
    batch_only: str = ""
    without_reasons: str = "weights alone say nothing of a row"

    def write(self, model: Any) -> bytes:
        return msgspec.json.encode(model.weights)

    def read(self, content: bytes, *, file: Path) -> ModelInFile:
        return ModelInFile(Weights(msgspec.json.decode(content, type=tuple[float, ...])))

    def log_to_mlflow(self, model: Any, *, signature: Any, requirements: list[str]) -> Any:
        raise NotImplementedError("no test logs one")


def formats(name: str) -> ModelFormat:
    return WeightsFormat() if name == "weights" else model_format(name)


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> ScoringModel:
    folder = tmp_path_factory.mktemp("weights")
    weights = Weights(tuple(0.01 if n % 2 else -0.01 for n in range(len(CARD.feature_names))))
    sha256 = save_artifact(folder, weights, CARD, formats=formats)
    assert sha256 == folder_sha256(folder, formats)
    return load_artifact(
        folder,
        name="everscore-tiny",
        version="1",
        sha256=sha256,
        available_features=SCENARIO.feature_names,
        formats=formats,
    )


def test_it_scores_the_stream_without_reasons(model: ScoringModel) -> None:
    check_model(SCENARIO, model, THRESHOLDS)
    run = played(model, [COUNT])
    assert run.offsets("tiny.predictions") == list(range(COUNT))
    messages = [msgspec.json.decode(run.messages[at]["value"]) for at in range(COUNT)]
    assert len({message["score"] for message in messages}) > 10
    assert len({message["band"] for message in messages}) > 1
    assert {len(message["reasons"]) for message in messages} == {0}


def test_it_travels_to_workers_and_judges_there(model: ScoringModel) -> None:
    travelled = pickle.loads(pickle.dumps(model))
    rows = np.random.default_rng(3).normal(50.0, 30.0, (40, len(SCENARIO.feature_names)))
    judges = Judges(champion=travelled, thresholds=THRESHOLDS)
    verdicts = Judge(SCENARIO).verdicts([str(row) for row in range(40)], rows, judges)
    assert verdicts.scores.tolist() == model.scores(rows).tolist()
    assert not any(verdicts.reasons.values())


def test_it_has_no_quick_way(model: ScoringModel) -> None:
    assert quick_scores(model) is None


def test_a_format_that_nobody_knows_is_named(tmp_path: Path) -> None:
    save_artifact(tmp_path, Weights((1.0,)), CARD, formats=formats)
    with pytest.raises(ModelCorrupt, match=r"no model format 'weights'; there are .*'skops'"):
        folder_sha256(tmp_path)
