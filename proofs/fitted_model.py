"""A fitted estimator for proofs and benchmarks: as our model version, and as a file for peers."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import joblib
import numpy as np
import numpy.typing as npt

from models.card import ModelCard
from models.formats.artifact import save_artifact
from models.training.fitting import reproducible_fitting
from scenarios.contract.scenario import Scenario
from stores.records.deployments import Deployment, ModelPointer

_BASE_RATE = 0.01
_SEED = 42


@dataclass(frozen=True, kw_only=True)
class Fitted:
    """The deployment record of our side, and the joblib file of the peers'."""

    deployment: Deployment
    file: Path


def fitted(scenario: Scenario, rows: npt.NDArray[np.float64], folder: Path) -> Fitted:
    """Fit the scenario's estimator on feature rows (n, names) and save it both ways in `folder`.

    Its scores mean nothing, but depend on every feature, and few are high, as a policy expects;
    what it costs to score is real.
    """
    rows = _with_values(rows)
    is_positive = _outcomes(rows)
    names = scenario.feature_names
    with reproducible_fitting():
        estimator = scenario.estimator(_SEED).fit(rows, is_positive)
    card = ModelCard(
        scenario=scenario.name,
        feature_names=names,
        definitions_digest=scenario.definitions_digest,
        seed=_SEED,
        training_counts={"rows": len(rows)},
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


def _with_values(rows: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """The rows, columns without any value filled with some: scikit-learn cannot bin nothing."""
    empty = np.isnan(rows).all(axis=0)
    made_up = np.random.default_rng(_SEED).random(rows.shape)
    return np.where(empty, made_up, rows)


def _outcomes(rows: npt.NDArray[np.float64]) -> npt.NDArray[np.bool_]:
    """One in a hundred, those with the largest noisy sum of all features on one scale."""
    spread = np.nanstd(rows, axis=0)
    scaled = np.divide(rows, spread, out=np.zeros_like(rows), where=spread > 0)
    noise = np.random.default_rng(_SEED).standard_normal(len(rows))
    sums = np.nansum(scaled, axis=1) + noise
    return np.asarray(sums > np.quantile(sums, 1.0 - _BASE_RATE))


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
