"""Evaluations and trials are runs of their own in a real MLflow store."""

from pathlib import Path

import mlflow
import pytest

from models.registry.run_log import LoggedRun, open_run_log
from models.registry.tracking import TrackingPlace


def test_children_keep_their_own_measures_and_a_failure_is_marked(tmp_path: Path) -> None:
    place = TrackingPlace(
        tracking_uri=f"sqlite:///{tmp_path}/mlflow.db", artifact_root=str(tmp_path / "files")
    )
    with open_run_log(place, "fraud", name="search", progress=lambda text: None) as log:
        parent = log.run_id
        log.add(LoggedRun(name="first", params={"trees": 3}, metrics={"ap": 0.5}))
        log.add(LoggedRun(name="second", params={"trees": 4}, metrics={"ap": 0.6}))
        log.describe(LoggedRun(name="best", params={"trees": 4}, metrics={"ap": 0.6}))
    with (
        pytest.raises(KeyError),
        open_run_log(place, "fraud", name="broken", progress=lambda text: None),
    ):
        raise KeyError("trial")
    client = mlflow.MlflowClient(tracking_uri=place.tracking_uri)
    experiment = client.get_experiment_by_name("everscore-fraud")
    assert experiment is not None
    runs = {run.info.run_name: run for run in client.search_runs([experiment.experiment_id])}
    assert runs.keys() == {"search", "first", "second", "broken"}
    assert runs["second"].data.metrics == {"ap": 0.6}
    assert runs["second"].data.tags["mlflow.parentRunId"] == parent
    assert (runs["search"].info.status, runs["broken"].info.status) == ("FINISHED", "FAILED")
