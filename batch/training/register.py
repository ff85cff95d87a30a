"""A trained model as a stored, registered version that scores exactly as it did in training."""

import tempfile
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from batch.training.train import FOLDS, Progress, Trained, train
from batch.training.trainable import TrainingMinimum, check_trainable, useless_columns, warning_of
from batch.training_sets.training_set import TrainingSet
from models.card import ModelCard, SnapshotReference, installed_versions
from models.evaluation.plots import save_plots
from models.formats.artifact import folder_sha256, load_artifact, save_artifact
from models.formats.skops import FORMAT
from models.registry.probe import PROBE_FILE, save_probe
from models.registry.tracking import (
    Dataset,
    RegisteredModel,
    TrackingPlace,
    TrainingRun,
    log_and_register,
)
from models.registry.versions import SHA256_TAG
from models.training.rare_columns import rare_columns
from scenarios.contract.scenario import Scenario

_SIGNATURE_ROWS = 5


class StoredOtherwise(RuntimeError):
    """The stored model does not score as the trained one; nothing was registered."""

    exit_code = 4


@dataclass(frozen=True, kw_only=True)
class Stored:
    """A registered version and the SHA-256 of its artefact folder."""

    model: RegisteredModel
    sha256: str


@dataclass(frozen=True, kw_only=True)
class Origin:
    """What a version comes from: snapshot, commit, seed, time (UTC, ISO 8601), and its purpose.

    owner, purpose, limits: see `ModelCard`
    """

    snapshot: SnapshotReference | None
    git_commit: str
    seed: int
    created_at: str
    owner: str = ""
    purpose: str = ""
    limits: str = ""


def store(
    trained: Trained,
    training_set: TrainingSet,
    scenario: Scenario,
    *,
    origin: Origin,
    place: TrackingPlace,
    progress: Progress,
) -> Stored:
    """Write the artefact, check that it scores as the estimator did, log and register it."""
    with tempfile.TemporaryDirectory(prefix="everscore-train-") as scratch:
        folder = Path(scratch) / "model"
        card = _card(trained, training_set, scenario, origin)
        sha256 = save_artifact(folder, trained.estimator, card)
        _check_stored(folder, trained, training_set, scenario)
        plots = save_plots(
            Path(scratch) / "plots",
            training_set.outcomes[training_set.is_test],
            trained.test_scores,
            trained.evaluation,
        )
        probe = Path(scratch) / PROBE_FILE
        save_probe(probe, training_set.features[training_set.is_test], trained.test_scores)
        run = TrainingRun(
            scenario=scenario.name,
            params=_params(trained, training_set, scenario, origin),
            metrics={**trained.metrics(), **_as_floats(training_set.counts)},
            tags=_tags(scenario, origin, sha256),
            model=trained.estimator,
            stored_as=FORMAT,
            feature_names=card.feature_names,
            features=training_set.features[training_set.is_test][:_SIGNATURE_ROWS],
            scores=trained.test_scores[:_SIGNATURE_ROWS],
            artifact=folder,
            files={"plots": plots, "probe": [probe]},
            dataset=_dataset(origin.snapshot),
        )
        return Stored(model=log_and_register(place, run, progress=progress), sha256=sha256)


def train_and_store(
    training_set: TrainingSet,
    scenario: Scenario,
    *,
    origin: Origin,
    place: TrackingPlace,
    progress: Progress,
    minimum: TrainingMinimum,
) -> tuple[Trained, Stored]:
    """`train`, then `store`; raises `NothingToTrain` before when the set teaches too little."""
    names = scenario.feature_names
    check_trainable(training_set, names, minimum, scenario=scenario.name)
    useless = useless_columns(training_set.features[~training_set.is_test], names)
    if warning := warning_of(useless, columns=len(names)):
        progress(warning)
    trained = train(training_set, scenario, seed=origin.seed, progress=progress)
    stored = store(trained, training_set, scenario, origin=origin, place=place, progress=progress)
    return trained, stored


def _card(
    trained: Trained, training_set: TrainingSet, scenario: Scenario, origin: Origin
) -> ModelCard:
    return ModelCard(
        scenario=scenario.name,
        feature_names=scenario.feature_names,
        definitions_digest=scenario.definitions_digest,
        seed=origin.seed,
        training_counts=training_set.counts,
        metrics=trained.metrics(),
        thresholds=scenario.policy.thresholds(),
        base_rate=float(training_set.outcomes[~training_set.is_test].mean()),
        created_at=origin.created_at,
        snapshot=origin.snapshot,
        git_commit=origin.git_commit,
        parameters=estimator_parameters(trained.estimator),
        useless_columns=useless_columns(
            training_set.features[~training_set.is_test], scenario.feature_names
        ),
        library_versions=installed_versions(FORMAT.libraries),
        format=FORMAT.name,
        owner=origin.owner,
        purpose=origin.purpose,
        limits=origin.limits,
    )


def estimator_parameters(estimator: Any) -> dict[str, str]:
    """Parameter → value as text, of the estimator and of those inside it."""
    return {name: str(value) for name, value in sorted(estimator.get_params().items())}


def _tags(scenario: Scenario, origin: Origin, sha256: str) -> dict[str, str]:
    tags = {
        "everscore.scenario": scenario.name,
        SHA256_TAG: sha256,
        "mlflow.source.git.commit": origin.git_commit,
    }
    if origin.snapshot is not None:
        tags["everscore.snapshot"] = f"{origin.snapshot.path}@{origin.snapshot.version}"
    return tags


def _dataset(snapshot: SnapshotReference | None) -> Dataset | None:
    if snapshot is None:
        return None
    return Dataset(
        name=f"training snapshot {snapshot.number}",
        path=snapshot.path,
        version=snapshot.version,
        digest=snapshot.rows_digest,
    )


def _check_stored(
    folder: Path, trained: Trained, training_set: TrainingSet, scenario: Scenario
) -> None:
    loaded = load_artifact(
        folder,
        name=scenario.name,
        version="new",
        sha256=folder_sha256(folder),
        available_features=scenario.feature_names,
    )
    again = loaded.scores(training_set.features[training_set.is_test])
    if not np.array_equal(again, trained.test_scores):
        worst = float(np.abs(again - trained.test_scores).max())
        raise StoredOtherwise(f"the stored model scores otherwise than the trained one, by {worst}")


def _params(
    trained: Trained, training_set: TrainingSet, scenario: Scenario, origin: Origin
) -> dict[str, object]:
    names = np.array(scenario.feature_names)
    unused = names[rare_columns(training_set.features[~training_set.is_test])]
    snapshot = asdict(origin.snapshot) if origin.snapshot else {}
    libraries = installed_versions(FORMAT.libraries)
    return {
        **{f"estimator.{k}": v for k, v in estimator_parameters(trained.estimator).items()},
        **{f"snapshot.{k}": v for k, v in snapshot.items()},
        **{f"library.{k}": v for k, v in libraries.items()},
        "git_commit": origin.git_commit,
        "seed": origin.seed,
        "folds": FOLDS,
        "features": len(names),
        "features_without_values": ",".join(unused.tolist()),
        "definitions_digest": scenario.definitions_digest,
        "policy_version": scenario.policy.version,
        "training_rows": len(training_set.entities),
        "training_rows_digest": training_set.digest,
    }


def _as_floats(counts: Mapping[str, int]) -> dict[str, float]:
    return {name: float(count) for name, count in counts.items()}
