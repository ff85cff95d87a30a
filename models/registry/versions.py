"""Model versions in the registry: their run, their files, how to load them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from models.card import ModelCard
from models.formats.artifact import read_card
from models.registry.fetching import fetch_artifact, load_fetched, local_path
from models.registry.mlflow_calls import quiet_mlflow
from models.registry.probe import PROBE_FILE, Probe, probe_folder, read_probe
from models.registry.tracking import ARTIFACT_FOLDER, TrackingPlace
from models.scoring_model import ScoringModel

SHA256_TAG = "everscore.sha256"
# Of the registered version: when it was retired, by whom and why.
RETIRED_TAG = "everscore.retired"


class NoSuchVersion(RuntimeError):
    """The registry has no such model version; names those that it has."""

    exit_code = 4


class RetiredModel(RuntimeError):
    """A retired version is to score again; audits of its predictions still work."""

    exit_code = 4


@dataclass(frozen=True, kw_only=True)
class TrainedVersion:
    """A registered model version and its run; `created_at` is UTC, ISO 8601.

    retired  when it was retired, by whom and why; empty: it was not
    """

    name: str
    version: str
    run_id: str
    artifact_uri: str
    sha256: str
    created_at: str
    params: Mapping[str, str]
    metrics: Mapping[str, float]
    tags: Mapping[str, str]
    retired: str = ""


def read_version(place: TrackingPlace, scenario: str, version: str) -> TrainedVersion:
    """Version `version` of the scenario's model; raises `NoSuchVersion`."""
    name = place.name_of(scenario)
    with quiet_mlflow():
        client = registry_client(place)
        versions = {str(entry.version): entry for entry in _versions(client, name)}
        if version not in versions:
            numbers = ", ".join(sorted(versions, key=int)) or "none: run train_model"
            raise NoSuchVersion(f"{name} has no version {version!r}; registered are {numbers}")
        return _described(client, versions[version])


def newest_version(place: TrackingPlace, scenario: str) -> TrainedVersion:
    """The version registered last; raises `NoSuchVersion`."""
    with quiet_mlflow():
        versions = _versions(registry_client(place), place.name_of(scenario))
    newest = max((int(version.version) for version in versions), default=0)
    return read_version(place, scenario, str(newest) if newest else "newest")


def load_version(
    version: TrainedVersion, *, available_features: Sequence[str], cache_dir: Path
) -> ScoringModel:
    """Its model, hash checked, for matrices with the columns `available_features`.

    Raises the errors of `models.registry.fetching.load_fetched`.
    """
    return load_fetched(
        version.artifact_uri,
        cache_dir,
        name=version.name,
        version=version.version,
        sha256=version.sha256,
        available_features=available_features,
    )


def card_of(version: TrainedVersion, *, cache_dir: Path) -> ModelCard:
    """Its card; raises `ModelMissing` or `ModelCorrupt`."""
    return read_card(fetch_artifact(version.artifact_uri, cache_dir))


def probe_of(version: TrainedVersion, *, cache_dir: Path) -> Probe:
    """Its frozen probe set; raises `ModelMissing`."""
    return read_probe(fetch_artifact(probe_folder(version.artifact_uri), cache_dir) / PROBE_FILE)


def check_not_retired(version: TrainedVersion) -> None:
    """Raise `RetiredModel` when the version must not make new scores any more."""
    if version.retired:
        raise RetiredModel(
            f"{version.name} version {version.version} is retired ({version.retired}): it makes no "
            "new scores; name another version"
        )


def registry_client(place: TrackingPlace) -> Any:
    """MLflow's client of the registry at `place`; use it within `quiet_mlflow`."""
    import mlflow

    mlflow.set_tracking_uri(place.tracking_uri)
    mlflow.set_registry_uri(place.tracking_uri)
    return mlflow.MlflowClient(place.tracking_uri, place.tracking_uri)


def _versions(client: Any, name: str) -> list[Any]:
    return list(client.search_model_versions(f"name = '{name}'"))


def _described(client: Any, model_version: Any) -> TrainedVersion:
    run = client.get_run(model_version.run_id)
    folder = f"{run.info.artifact_uri.rstrip('/')}/{ARTIFACT_FOLDER}"
    path = local_path(folder)
    created = datetime.fromtimestamp(model_version.creation_timestamp / 1000, UTC)
    return TrainedVersion(
        name=model_version.name,
        version=str(model_version.version),
        run_id=model_version.run_id,
        artifact_uri=folder if path is None else str(path),
        sha256=run.data.tags.get(SHA256_TAG, ""),
        created_at=created.isoformat(timespec="seconds"),
        params=dict(run.data.params),
        metrics=dict(run.data.metrics),
        tags=dict(run.data.tags),
        retired=str(model_version.tags.get(RETIRED_TAG, "")),
    )
