"""A real MLflow store in a folder, with a registered model that has no versions yet."""

from pathlib import Path
from typing import Any

from models.registry.mlflow_calls import quiet_mlflow
from models.registry.tracking import TrackingPlace


def new_registry(folder: Path, scenario: str) -> tuple[TrackingPlace, Any, str]:
    """The store, MLflow's client of it, and the id of the scenario's experiment."""
    import mlflow

    place = TrackingPlace(
        tracking_uri=f"sqlite:///{folder}/mlflow.db", artifact_root=str(folder / "files")
    )
    name = place.name_of(scenario)
    with quiet_mlflow():
        mlflow.set_tracking_uri(place.tracking_uri)
        mlflow.set_registry_uri(place.tracking_uri)
        client = mlflow.MlflowClient(place.tracking_uri, place.tracking_uri)
        experiment = client.create_experiment(name, f"file://{folder}/files")
        client.create_registered_model(name)
    return place, client, str(experiment)
