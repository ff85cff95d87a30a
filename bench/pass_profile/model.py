"""A model of any scenario, trained on made-up rows: good for its cost, not for its scores."""

from dataclasses import replace
from pathlib import Path

import numpy as np

from models.card import ModelCard
from models.fast.quick_scores import quick_scores
from models.formats.artifact import load_artifact, save_artifact
from scenarios.contract.scenario import Scenario
from stores.records.deployments import Deployment, ModelPointer
from streaming.scoring.models_in_use import InUse


def model_in_use(scenario: Scenario, folder: Path) -> InUse:
    """The scenario's estimator, trained, saved to `folder` and loaded as a worker does."""
    names, digest = scenario.feature_names, scenario.plan.digest
    random = np.random.default_rng(1)
    rows = random.normal(0, 1, (20_000, len(names)))
    signal = rows[:, 0] + rows[:, -1] * rows[:, len(names) // 2] + random.normal(0, 1, len(rows))
    card = ModelCard(
        scenario=scenario.name,
        feature_names=names,
        definitions_digest=digest,
        seed=1,
        training_counts={},
        metrics={},
        thresholds=scenario.policy.thresholds(),
        base_rate=0.5,
        created_at="2026-01-01T00:00:00+00:00",
    )
    sha256 = save_artifact(folder, scenario.estimator(1).fit(rows, signal > 0.5), card)
    name = f"everscore-{scenario.name}"
    loaded = load_artifact(folder, name=name, version="1", sha256=sha256, available_features=names)
    deployment = Deployment(
        scenario=scenario.name,
        champion=ModelPointer(name=name, version="1", artifact_uri=str(folder), sha256=sha256),
        thresholds=scenario.policy.thresholds(),
        policy_version=scenario.policy.version,
        deployed_at=card.created_at,
        deployed_by="bench",
    )
    return InUse(deployment, replace(loaded, quick=quick_scores(loaded)), None)
