"""An imported version in a real MLflow store: found, loaded and probed as a trained one is."""

from pathlib import Path
from tempfile import mkdtemp

import mlflow
import numpy as np
import pytest

from batch.exchange.foreign import foreign_model
from batch.exchange.imported import register_foreign, stored_and_checked
from models.formats.format import FORMATS
from models.formats.parity import score_parity
from models.registry.tracking import TrackingPlace
from models.registry.versions import card_of, load_version, probe_of, read_version
from tests.scenarios.tiny import SCENARIO
from tests.unit.models.formats.foreign_files import NAMES, PARTICULARS, PROBE, source


@pytest.fixture(scope="module")
def place() -> TrackingPlace:
    folder = Path(mkdtemp(prefix="everscore-test-"))
    return TrackingPlace(
        tracking_uri=f"sqlite:///{folder}/mlflow.db", artifact_root=str(folder / "files")
    )


@pytest.mark.parametrize("kind", FORMATS)
def test_a_version_of_each_format_is_registered_with_its_probe_set(
    kind: str, place: TrackingPlace, tmp_path: Path
) -> None:
    foreign = foreign_model(source(kind).write(tmp_path), PROBE, NAMES)
    checked = stored_and_checked(tmp_path / "v", foreign, SCENARIO, PROBE, particulars=PARTICULARS)
    origin = tmp_path / "origin.txt"
    origin.write_text("as it came")
    stored = register_foreign(
        checked,
        foreign,
        SCENARIO,
        PROBE,
        place=place,
        particulars=PARTICULARS,
        progress=lambda text: None,
        origin=origin,
    )
    version = read_version(place, "tiny", stored.model.version)
    assert version.sha256 == stored.sha256 == checked.sha256
    assert version.tags["everscore.imported_from"] == "model"
    assert (Path(version.artifact_uri).parent / "origin" / "origin.txt").is_file()
    card = card_of(version, cache_dir=tmp_path)
    assert (card.owner, card.purpose, card.format) == ("team", "test", kind)
    probe = probe_of(version, cache_dir=tmp_path)
    model = load_version(version, available_features=NAMES, cache_dir=tmp_path)
    tolerance = foreign.stored_as.tolerance
    assert score_parity(probe.scores, model.predictor.scores(probe.features), tolerance).holds
    # The flavour that MLflow itself loads is the same model.
    again = mlflow.pyfunc.load_model(f"models:/everscore-tiny/{version.version}")
    if kind == "pmml":
        assert np.allclose(again.predict(probe.features), probe.scores, atol=tolerance)
    else:
        assert again.metadata.flavors.keys() >= {"python_function"}
