"""A training run is logged and registered in a real MLflow store."""

from pathlib import Path
from urllib.parse import quote

import mlflow
import numpy as np
import pytest

from models.errors import ModelCorrupt
from models.formats.artifact import folder_sha256, save_artifact
from models.formats.skops import FORMAT
from models.registry.fetching import fetch_artifact, load_fetched
from models.registry.tracking import ARTIFACT_FOLDER, TrackingPlace, TrainingRun, log_and_register
from tests.unit.models.trained import NAMES, card, data, estimator


def test_two_runs_are_registered_as_versions_whose_files_can_be_read(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    # As a user's run folder may be named. (MLflow's own loader, below, reads "%41" as "A".)
    tmp_path = tmp_path / "Käufer #1 ? `a`"
    place = TrackingPlace(
        tracking_uri=f"sqlite:///{quote(str(tmp_path))}/new/mlflow.db",
        artifact_root=str(tmp_path / "files"),
    )
    assert place.sqlite_path == tmp_path / "new" / "mlflow.db"
    features, _ = data()
    scores = estimator().predict_proba(features)[:, 1]
    run = TrainingRun(
        scenario="shop",
        params={"seed": 3},
        metrics={"auroc": 0.9},
        tags={"everscore.scenario": "shop"},
        model=estimator(),
        stored_as=FORMAT,
        feature_names=NAMES,
        features=features[:5],
        scores=scores[:5],
        artifact=tmp_path / "artifact",
    )
    sha256 = save_artifact(run.artifact, estimator(), card())
    messages: list[str] = []
    first = log_and_register(place, run, progress=messages.append)
    second = log_and_register(place, run, progress=messages.append)
    assert (first.name, first.version, second.version) == ("everscore-shop", "1", "2")
    assert folder_sha256(fetch_artifact(second.artifact_uri, tmp_path)) == sha256
    mlflow_run = mlflow.MlflowClient(tracking_uri=place.tracking_uri).get_run(first.run_id)
    assert mlflow_run.data.metrics == {"auroc": 0.9}
    assert sum("creating the MLflow store" in sentence for sentence in messages) == 1
    assert "INFO" not in capfd.readouterr().err
    mlflow.set_tracking_uri(place.tracking_uri)
    check_a_damaged_copy_is_fetched_again(
        f"runs:/{second.run_id}/{ARTIFACT_FOLDER}", sha256, tmp_path
    )
    again = mlflow.sklearn.load_model("models:/everscore-shop/2")
    assert np.array_equal(again.predict_proba(features)[:, 1], scores)


def check_a_damaged_copy_is_fetched_again(uri: str, sha256: str, folder: Path) -> None:
    """Files that MLflow downloaded; a disk may damage them, or lose one."""
    cache = folder / "cache"
    features, _ = data()

    def scores() -> list[float]:
        model = load_fetched(
            uri, cache, name="shop", version="2", sha256=sha256, available_features=NAMES
        )
        return list(model.scores(features))

    expected = scores()
    (file,) = cache.glob("*/model.skops")
    file.write_bytes(file.read_bytes()[:-100])
    assert scores() == expected
    file.unlink()
    assert scores() == expected
    with pytest.raises(ModelCorrupt, match="deployed was"):
        load_fetched(
            uri, cache, name="shop", version="2", sha256="0" * 64, available_features=NAMES
        )
