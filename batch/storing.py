"""A trained model as a stored, registered version that scores exactly as it did in training."""

import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from batch.training import FOLDS, Progress, Trained, train
from batch.training_set import TrainingSet, check_trainable
from models.artifact import folder_sha256, load_artifact, save_artifact
from models.card import ModelCard
from models.plots import save_plots
from models.rare_columns import rare_columns
from models.tracking import RegisteredModel, TrackingPlace, TrainingRun, log_and_register
from scenarios.scenario import Scenario

_SIGNATURE_ROWS = 5


class StoredOtherwise(RuntimeError):
    """The stored model does not score as the trained one; nothing was registered."""

    exit_code = 4


@dataclass(frozen=True, kw_only=True)
class Stored:
    """A registered version and the SHA-256 of its artefact folder."""

    model: RegisteredModel
    sha256: str


def store(
    trained: Trained,
    found: TrainingSet,
    scenario: Scenario,
    *,
    place: TrackingPlace,
    seed: int,
    created_at: str,
    progress: Progress,
) -> Stored:
    """Write the artefact, check that it scores as the estimator did, log and register it.

    `created_at` is UTC, ISO 8601.
    """
    with tempfile.TemporaryDirectory(prefix="everscore-train-") as scratch:
        folder = Path(scratch) / "model"
        card = _card(trained, found, scenario, seed=seed, created_at=created_at)
        sha256 = save_artifact(folder, trained.estimator, card)
        _check_stored(folder, trained, found, scenario)
        plots = save_plots(
            Path(scratch) / "plots",
            found.outcomes[found.is_test],
            trained.test_scores,
            trained.evaluation,
        )
        run = TrainingRun(
            scenario=scenario.name,
            params=_params(trained, found, scenario, seed=seed),
            metrics={**trained.metrics(), **_as_floats(found.counts)},
            tags={"everscore.scenario": scenario.name, "everscore.sha256": sha256},
            estimator=trained.estimator,
            feature_names=card.feature_names,
            features=found.features[found.is_test][:_SIGNATURE_ROWS],
            scores=trained.test_scores[:_SIGNATURE_ROWS],
            artifact=folder,
            plots=plots,
        )
        return Stored(model=log_and_register(place, run, progress=progress), sha256=sha256)


def train_and_store(
    found: TrainingSet,
    scenario: Scenario,
    *,
    place: TrackingPlace,
    seed: int,
    created_at: str,
    progress: Progress,
) -> tuple[Trained, Stored]:
    """`train`, then `store`; raises `NothingToTrain` before when the set is too small."""
    check_trainable(found, scenario)
    trained = train(found, scenario, seed=seed, progress=progress)
    stored = store(
        trained,
        found,
        scenario,
        place=place,
        seed=seed,
        created_at=created_at,
        progress=progress,
    )
    return trained, stored


def _card(
    trained: Trained, found: TrainingSet, scenario: Scenario, *, seed: int, created_at: str
) -> ModelCard:
    return ModelCard(
        scenario=scenario.name,
        feature_names=scenario.plan.feature_names,
        definitions_digest=scenario.plan.digest,
        seed=seed,
        training_counts=found.counts,
        metrics=trained.metrics(),
        thresholds=scenario.policy.thresholds(),
        base_rate=float(found.outcomes[~found.is_test].mean()),
        created_at=created_at,
    )


def _check_stored(folder: Path, trained: Trained, found: TrainingSet, scenario: Scenario) -> None:
    loaded = load_artifact(
        folder,
        name=scenario.name,
        version="new",
        sha256=folder_sha256(folder),
        available_features=scenario.plan.feature_names,
    )
    again = loaded.scores(found.features[found.is_test])
    if not np.array_equal(again, trained.test_scores):
        worst = float(np.abs(again - trained.test_scores).max())
        raise StoredOtherwise(f"the stored model scores otherwise than the trained one, by {worst}")


def _params(
    trained: Trained, found: TrainingSet, scenario: Scenario, *, seed: int
) -> dict[str, object]:
    names = np.array(scenario.plan.feature_names)
    unused = names[rare_columns(found.features[~found.is_test])]
    return {
        **{f"estimator.{k}": str(v) for k, v in trained.estimator.get_params().items()},
        "seed": seed,
        "folds": FOLDS,
        "features": len(names),
        "features_without_values": ",".join(unused.tolist()),
        "definitions_digest": scenario.plan.digest,
        "policy_version": scenario.policy.version,
        "training_rows_digest": found.digest,
    }


def _as_floats(counts: Mapping[str, int]) -> dict[str, float]:
    return {name: float(count) for name, count in counts.items()}
