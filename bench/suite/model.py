"""One fitted estimator for all systems: as our model version, and as the file that peers load."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import joblib
import numpy as np

from bench.suite.times import RowMaker
from models.artifact import save_artifact
from models.card import ModelCard
from scenarios.scenario import Scenario
from stores.deployments import Deployment, ModelPointer

_ROWS = 20_000
_SEED = 42


@dataclass(frozen=True, kw_only=True)
class Fitted:
    """The deployment record of our side, and the joblib file of the peers'."""

    deployment: Deployment
    file: Path


def fitted(scenario: Scenario, made_up: RowMaker, folder: Path) -> Fitted:
    """Fit the scenario's estimator on made-up feature rows and keep it both ways in `folder`.

    Its scores mean nothing, but depend on every feature; what it costs to score is real.
    """
    random = np.random.default_rng(_SEED)
    names = scenario.feature_names
    rows = made_up(names, _ROWS, random)
    shares = np.log1p(np.abs(rows)) * np.sign(rows)
    noise = random.standard_normal(_ROWS)
    is_positive = (shares - shares.mean(axis=0)).sum(axis=1) / np.sqrt(rows.shape[1]) + noise > 1.0
    estimator = scenario.estimator(_SEED).fit(rows, is_positive)
    card = ModelCard(
        scenario=scenario.name,
        feature_names=names,
        definitions_digest=scenario.definitions_digest,
        seed=_SEED,
        training_counts={"rows": _ROWS},
        metrics={},
        thresholds=scenario.policy.thresholds(),
        base_rate=float(is_positive.mean()),
        created_at=datetime.now(UTC).isoformat(timespec="seconds"),
    )
    version = folder / "version"
    sha256 = save_artifact(version, estimator, card)
    file = folder / "model.joblib"
    joblib.dump({"estimator": estimator, "features": list(names)}, file)
    pointer = ModelPointer(
        name=f"bench-{scenario.name}", version="1", artifact_uri=str(version), sha256=sha256
    )
    return Fitted(deployment=_deployment(scenario, pointer, card.thresholds), file=file)


def _deployment(
    scenario: Scenario, pointer: ModelPointer, thresholds: Mapping[str, float]
) -> Deployment:
    return Deployment(
        scenario=scenario.name,
        champion=pointer,
        thresholds=thresholds,
        policy_version=scenario.policy.version,
        deployed_at=datetime.now(UTC).isoformat(timespec="seconds"),
        deployed_by="bench.suite",
    )
