"""Training runs and model versions in MLflow."""

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import numpy as np
import numpy.typing as npt

from models.card import installed_versions
from models.formats.format import ModelFormat
from models.registry.fetching import local_path
from models.registry.mlflow_calls import quiet_mlflow

ARTIFACT_FOLDER = "everscore"


@dataclass(frozen=True, kw_only=True)
class TrackingPlace:
    """Where runs are stored: a SQLite URI with a local folder, or a server's URI.

    `artifact_root` (a folder or a URI) holds the files of new experiments; None leaves the choice
    to the server. Experiments and registered models are named `prefix`-scenario.
    """

    tracking_uri: str
    artifact_root: str | None = None
    prefix: str = "everscore"

    def name_of(self, scenario: str) -> str:
        """The name of the experiment and of the registered model of `scenario`."""
        return f"{self.prefix}-{scenario}"

    @property
    def sqlite_path(self) -> Path | None:
        """The SQLite file; None when the store is something else."""
        scheme, _, rest = self.tracking_uri.partition(":///")
        return Path(unquote(rest.partition("?")[0])) if scheme == "sqlite" else None


@dataclass(frozen=True, kw_only=True)
class Dataset:
    """A Delta table at an integer version, and the digest of its rows."""

    name: str
    path: str
    version: int
    digest: str


@dataclass(frozen=True, kw_only=True)
class TrainingRun:
    """What a training run leaves behind.

    features, scores   a few rows (n, k) and their scores (n,), for the model's signature
    artifact           the folder written by `models.formats.artifact.save_artifact`
    files              further files by the artifact folder they go to; "" is the top
    dataset            what it was trained on, shown with the run
    """

    scenario: str
    params: Mapping[str, object]
    metrics: Mapping[str, float]
    tags: Mapping[str, str]
    model: Any
    stored_as: ModelFormat
    feature_names: Sequence[str]
    features: npt.NDArray[np.float64]
    scores: npt.NDArray[np.float64]
    artifact: Path
    files: Mapping[str, Sequence[Path]] = field(default_factory=dict)
    dataset: Dataset | None = None


@dataclass(frozen=True, kw_only=True)
class RegisteredModel:
    """A model version in the registry; `artifact_uri` is a path or URI that workers can read."""

    name: str
    version: str
    artifact_uri: str
    run_id: str


def log_and_register(
    place: TrackingPlace, run: TrainingRun, *, progress: Callable[[str], None]
) -> RegisteredModel:
    """Log `run` in the experiment of its registered name and register its model as a new version.

    `progress` gets a sentence before each step that takes long.
    """
    os.environ.setdefault("MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR", "false")
    progress("loading MLflow")
    import mlflow

    with quiet_mlflow():
        prepare_store(place, progress)
        mlflow.set_tracking_uri(place.tracking_uri)
        mlflow.set_registry_uri(place.tracking_uri)
        experiment = experiment_id(mlflow, name := place.name_of(run.scenario), place)
        progress("logging the run")
        with mlflow.start_run(experiment_id=experiment, tags=dict(run.tags)) as active:
            mlflow.log_params(dict(run.params))
            mlflow.log_metrics(dict(run.metrics))
            for folder, paths in run.files.items():
                for path in paths:
                    mlflow.log_artifact(str(path), folder or None)
            _log_dataset(mlflow, run.dataset)
            mlflow.log_artifacts(str(run.artifact), ARTIFACT_FOLDER)
            logged_model = _log_model(run)
            folder_uri = mlflow.get_artifact_uri(ARTIFACT_FOLDER)
        progress("registering the model")
        version = _registered_version(mlflow, name, logged_model, run_id=active.info.run_id)
    return RegisteredModel(
        name=name,
        version=version,
        artifact_uri=_readable(folder_uri),
        run_id=active.info.run_id,
    )


def prepare_store(place: TrackingPlace, progress: Callable[[str], None]) -> None:
    """Create the folder of a SQLite store, reported by `progress`."""
    path = place.sqlite_path
    if path is not None and not path.exists():
        progress(f"creating the MLflow store {path} (once; takes some seconds)")
        path.parent.mkdir(parents=True, exist_ok=True)


def experiment_id(mlflow: Any, name: str, place: TrackingPlace) -> str:
    """The experiment `name`, created where `place` says when there is none."""
    experiment = mlflow.get_experiment_by_name(name)
    if experiment is not None:
        return str(experiment.experiment_id)
    location = None
    if place.artifact_root is not None:
        local = local_path(place.artifact_root)
        root = place.artifact_root if local is None else local.resolve().as_uri()
        location = f"{root.rstrip('/')}/{name}"
    return str(mlflow.create_experiment(name, artifact_location=location))


def _log_dataset(mlflow: Any, dataset: Dataset | None) -> None:
    from mlflow.data.delta_dataset_source import DeltaDatasetSource
    from mlflow.data.meta_dataset import MetaDataset

    if dataset is not None:
        source = DeltaDatasetSource(path=dataset.path, delta_table_version=dataset.version)
        dataset_class: Any = MetaDataset  # its base class declares abstract what it never calls
        mlflow.log_input(dataset_class(source, dataset.name, dataset.digest), context="training")


def _log_model(run: TrainingRun) -> Any:
    from mlflow.models import infer_signature

    versions = installed_versions(run.stored_as.libraries)
    return run.stored_as.log_to_mlflow(
        run.model,
        signature=infer_signature(run.features, run.scores),
        requirements=[f"{name}=={version}" for name, version in versions.items()],
    )


def _registered_version(mlflow: Any, name: str, logged_model: Any, *, run_id: str) -> str:
    # By the client: the fluent functions print to stderr.
    client = mlflow.MlflowClient()
    if not client.search_registered_models(filter_string=f"name = '{name}'"):
        client.create_registered_model(name)
    model_version = client.create_model_version(
        name, source=logged_model.model_uri, run_id=run_id, model_id=logged_model.model_id
    )
    return str(model_version.version)


def _readable(folder_uri: str) -> str:
    local = local_path(folder_uri)
    return folder_uri if local is None else str(local)
