"""Whether a model can judge a scenario's cases at all: checked before it scores any of them."""

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

from features.definitions import LastValue
from features.schema import Category
from models.errors import ModelUnusable
from models.scoring_model import ScoringModel
from scenarios.contract.judge import Judge
from scenarios.contract.scenario import Scenario

_COMPLETE_ROWS, _ROWS_WITH_GAPS = 16, 8
_MOST_PROBE_ROWS = 64


class DeploymentUnfit(ModelUnusable):
    """What is deployed does not fit scenario and policy, or cannot judge a trial set."""


def check_share(share: float) -> None:
    """Raise `DeploymentUnfit` unless the challenger's share is a share."""
    if not 0.0 <= share <= 1.0:
        raise DeploymentUnfit(f"the challenger's share is {share}, expected one from 0 to 1")


def check_model(
    scenario: Scenario,
    model: ScoringModel,
    thresholds: Mapping[str, float],
    *,
    probe: npt.NDArray[np.float64] | None = None,
) -> None:
    """Judge and explain trial rows by `model`, as the stream will.

    probe: rows (n, m) in the order of the model's own columns that it was measured on, else
    generated ones are taken. Raises `DeploymentUnfit` when more than half of them cannot be judged
    (what fails for some rows alone makes dead letters of these), `PolicyError` for thresholds that
    do not fit the policy.
    """
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


def trial_rows(scenario: Scenario) -> npt.NDArray[np.float64]:
    """Rows (n, k) of values that features may have; the required feature is in all of them."""
    random = np.random.default_rng(0)
    count = _COMPLETE_ROWS + _ROWS_WITH_GAPS
    rows = 10.0 ** random.uniform(-1, 3, (count, len(scenario.feature_names)))
    rows[0], rows[1] = 0.0, 1.0
    missing = random.random(rows.shape) < 0.3
    missing[:_COMPLETE_ROWS] = False
    if scenario.required_feature is not None:
        missing[:, scenario.feature_names.index(scenario.required_feature)] = False
    for column, feature in enumerate(scenario.all_features):
        codes = _categories(scenario, feature)
        if codes:
            rows[:, column] = random.integers(0, codes, count)
    rows[missing] = np.nan
    return rows


def _categories(scenario: Scenario, feature: object) -> int:
    """How many codes the last value of a category may have; 0 for all other features."""
    if not isinstance(feature, LastValue):
        return 0
    declared = scenario.schema.fields.get(feature.field)
    return len(declared.values) if isinstance(declared, Category) else 0
