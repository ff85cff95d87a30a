"""A model that can judge nothing is refused before it scores; one that misses some rows is not."""

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pytest

from models.scoring_model import Matrix, ScoringModel
from scenarios.contract.deployable import DeploymentUnfit, check_model, check_share
from scenarios.contract.policy import PolicyError
from scenarios.contract.probe_set import trial_rows
from scenarios.contract.scenario import Scenario
from tests.scenarios.shops import SCENARIO as SHOPS
from tests.scenarios.tiny import SCENARIO
from tests.support.fragile_models import (
    estimator_of,
    fragile_estimator,
    is_fragile,
    load_model,
    one_thread,
    save_model,
    tiny_rows,
)

THRESHOLDS = SCENARIO.policy.thresholds()


@pytest.fixture(scope="module", autouse=True)
def single_thread() -> Iterator[None]:
    """See `one_thread`."""
    with one_thread():
        yield


@pytest.fixture(scope="module")
def fragile(tmp_path_factory: pytest.TempPathFactory) -> ScoringModel:
    """A stored model that raises for hot machines."""
    folder = tmp_path_factory.mktemp("model")
    return load_model(save_model(folder, fragile_estimator("raise"), version="1"))


@pytest.mark.parametrize("scenario", [SCENARIO, SHOPS])
def test_trial_rows_are_values_that_features_may_have(scenario: Scenario) -> None:
    rows = trial_rows(scenario)
    assert rows.shape == (24, len(scenario.feature_names))
    assert not np.isinf(rows).any()
    assert 0 < np.isnan(rows).sum() < rows.size / 5
    if scenario.required_feature is not None:
        assert not np.isnan(rows[:, scenario.feature_names.index(scenario.required_feature)]).any()


def test_a_model_that_misses_some_rows_may_score(fragile: ScoringModel) -> None:
    probe = tiny_rows(64, seed=9)
    assert 0 < is_fragile(estimator_of(fragile), probe).sum() < 32
    check_model(SCENARIO, fragile, THRESHOLDS, probe=probe)


def test_a_model_that_cannot_judge_what_it_was_measured_on_is_refused(
    fragile: ScoringModel,
) -> None:
    probe = tiny_rows(400, seed=9)
    hot = probe[is_fragile(estimator_of(fragile), probe)]
    with pytest.raises(DeploymentUnfit, match=r"trial rows cannot be judged.*ValueError"):
        check_model(SCENARIO, fragile, THRESHOLDS, probe=hot)


def test_an_explainer_that_always_fails_is_refused_though_no_trial_row_needs_reasons(
    fragile: ScoringModel,
) -> None:
    class Mute:
        def contributions(self, features: Matrix) -> Matrix:
            raise RuntimeError("additivity check failed")

    cold = np.zeros((8, len(SCENARIO.features)))
    with pytest.raises(DeploymentUnfit, match="cannot explain its score: RuntimeError: additiv"):
        check_model(SCENARIO, replace(fragile, explainer=Mute()), THRESHOLDS, probe=cold)


@pytest.mark.parametrize("score", [np.nan, np.inf, -0.1, 1.1])
def test_scores_that_are_none_are_refused(fragile: ScoringModel, score: float) -> None:
    class Constant:
        def scores(self, features: Matrix) -> Matrix:
            return np.full(len(features), score)

    with pytest.raises(DeploymentUnfit, match=r"24 of 24 trial rows .* expected one from 0 to 1"):
        check_model(SCENARIO, replace(fragile, quick=Constant()), THRESHOLDS)


def test_thresholds_are_checked_before_anything_is_judged(fragile: ScoringModel) -> None:
    with pytest.raises(PolicyError, match="do not fit the policy"):
        check_model(SCENARIO, fragile, {"ok": 0.0, "cold": 0.5})


@pytest.mark.parametrize("share", [-0.1, 1.5, float("nan"), float("inf")])
def test_a_share_is_a_share(share: float) -> None:
    with pytest.raises(DeploymentUnfit, match="expected one from 0 to 1"):
        check_share(share)


def test_without_a_probe_made_up_rows_are_judged(fragile: ScoringModel) -> None:
    check_model(SCENARIO, fragile, THRESHOLDS)
