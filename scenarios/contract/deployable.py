"""Whether a model can judge a scenario's cases at all: checked before it scores any of them."""

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

from models.errors import ModelNeedsFeatures, ModelUnusable
from models.scoring_model import ScoringModel
from scenarios.contract.experiment import CHALLENGER
from scenarios.contract.judge import Judge
from scenarios.contract.probe_set import trial_rows
from scenarios.contract.scenario import Scenario

_MOST_PROBE_ROWS = 64


class DeploymentUnfit(ModelUnusable):
    """What is deployed does not fit scenario and policy, or cannot judge a trial set."""


def check_share(share: float, *, role: str = CHALLENGER) -> None:
    """Raise `DeploymentUnfit` unless the share of a challenger or a shadow is a share."""
    if not 0.0 <= share <= 1.0:
        raise DeploymentUnfit(f"the {role}'s share is {share}, expected one from 0 to 1")


def check_experiment(experiment: str) -> None:
    """Raise `DeploymentUnfit` unless a shadow's scores would be logged under an experiment."""
    if not experiment:
        raise DeploymentUnfit(
            "the deployment has a shadow and no experiment, under whose id its scores are logged: "
            "deploy it with one"
        )


def check_definitions(scenario: Scenario, model: ScoringModel) -> None:
    """Raise `ModelNeedsFeatures` unless its features mean today what they meant at its training."""
    if model.card.definitions_digest != scenario.definitions_digest:
        raise ModelNeedsFeatures(
            f"model {model.name} version {model.version} was trained on feature "
            f"definitions {model.card.definitions_digest}, this code has "
            f"{scenario.definitions_digest}: train and deploy a new version"
        )


def check_model(
    scenario: Scenario,
    model: ScoringModel,
    thresholds: Mapping[str, float],
    *,
    probe: npt.NDArray[np.float64] | None = None,
) -> None:
    """Judge and explain trial rows by `model`, as the stream will.

    probe: rows (n, m) in the order of the model's own columns that it was measured on, else
    generated ones are taken. Raises `DeploymentUnfit` for a version that
    the stream cannot score, or when more than half of the rows cannot be judged (what fails for
    some rows alone makes dead letters of these), `PolicyError` for thresholds that
    do not fit the policy.
    """
    if model.batch_only:
        raise DeploymentUnfit(
            f"the stream does not score {model.name} version {model.version}, stored as "
            f"{model.card.format}: {model.batch_only}. Score it in batch: ./spark-submit.sh "
            f"score_batch --scenario {scenario.name} --model-version {model.version}"
        )
    scenario.policy.check_thresholds(thresholds)
    rows = trial_rows(scenario)
    if probe is not None and len(probe):
        rows = np.full((min(len(probe), _MOST_PROBE_ROWS), len(scenario.feature_names)), np.nan)
        rows[:, model.columns] = probe[:_MOST_PROBE_ROWS]
    failed = Judge(scenario).trial(model, rows, thresholds)
    if len(failed) > len(rows) / 2:
        raise DeploymentUnfit(
            f"{len(failed)} of {len(rows)} trial rows cannot be judged, the first: "
            f"{failed[0].cause}: deploy another version"
        )
