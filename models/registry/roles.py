"""Aliases, tags and reports of model versions in the registry, as people see them in MLflow."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from models.registry.mlflow_calls import quiet_mlflow
from models.registry.tracking import TrackingPlace
from models.registry.versions import RETIRED_TAG, TrainedVersion, registry_client

ROLES = ("champion", "challenger", "shadow", "previous")


def set_aliases(place: TrackingPlace, scenario: str, versions: Mapping[str, str]) -> None:
    """Point the aliases `ROLES` at `versions` (role → version); those without one are removed.

    A version that the registry does not have gets no alias. Repeating it changes nothing.
    """
    name = place.name_of(scenario)
    with quiet_mlflow():
        client = registry_client(place)
        known_versions = {
            str(entry.version) for entry in client.search_model_versions(f"name = '{name}'")
        }
        if not known_versions:
            return
        current = aliases(place, scenario)
        for role in ROLES:
            version = versions.get(role)
            if version is not None and version in known_versions:
                if current.get(role) != version:
                    client.set_registered_model_alias(name, role, version)
            elif role in current:
                client.delete_registered_model_alias(name, role)


def aliases(place: TrackingPlace, scenario: str) -> Mapping[str, str]:
    """Alias → version of the scenario's model, of `ROLES` and of people's own."""
    name = place.name_of(scenario)
    with quiet_mlflow():
        client = registry_client(place)
        if not client.search_registered_models(filter_string=f"name = '{name}'"):
            return {}
        registered = client.get_registered_model(name)
    return {alias: str(version) for alias, version in registered.aliases.items()}


def set_version_tags(
    place: TrackingPlace, version: TrainedVersion, tags: Mapping[str, str]
) -> None:
    """Set `tags` of the registered version; empty texts are left out."""
    with quiet_mlflow():
        client = registry_client(place)
        for key, text in tags.items():
            if text:
                client.set_model_version_tag(version.name, version.version, key, text)


def mark_retired(place: TrackingPlace, version: TrainedVersion, note: str) -> None:
    """Mark the version retired; `note` says when, by whom and why."""
    set_version_tags(place, version, {RETIRED_TAG: note})


def unmark_retired(place: TrackingPlace, version: TrainedVersion) -> None:
    """Take the mark back."""
    with quiet_mlflow():
        registry_client(place).delete_model_version_tag(version.name, version.version, RETIRED_TAG)


def log_files(
    place: TrackingPlace, version: TrainedVersion, files: Sequence[Path], *, folder: str
) -> str:
    """Log `files` with the version's run in the artifact folder `folder`; returns its URI."""
    with quiet_mlflow():
        client = registry_client(place)
        for file in files:
            client.log_artifact(version.run_id, str(file), folder)
        root = client.get_run(version.run_id).info.artifact_uri.rstrip("/")
    return f"{root}/{folder}"
