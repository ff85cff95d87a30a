"""Aliases, tags and files of versions in a real MLflow store."""

from pathlib import Path

import pytest

from models.registry.mlflow_calls import quiet_mlflow
from models.registry.roles import aliases, log_files, mark_retired, set_aliases, unmark_retired
from models.registry.tracking import TrackingPlace
from models.registry.versions import RetiredModel, check_not_retired, read_version
from tests.support.registry import new_registry


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> TrackingPlace:
    """A store with three versions that have no files."""
    folder = tmp_path_factory.mktemp("registry")
    store, client, experiment = new_registry(folder, "shop")
    with quiet_mlflow():
        for _ in range(3):
            run = client.create_run(experiment)
            client.create_model_version("everscore-shop", str(folder), run_id=run.info.run_id)
    return store


def test_aliases_follow_the_roles_and_leave_other_aliases_alone(place: TrackingPlace) -> None:
    import mlflow

    client = mlflow.MlflowClient(place.tracking_uri, place.tracking_uri)
    client.set_registered_model_alias("everscore-shop", "favourite", "1")
    set_aliases(place, "shop", {"champion": "2", "previous": "1", "shadow": "3"})
    assert aliases(place, "shop") == {
        "champion": "2",
        "previous": "1",
        "shadow": "3",
        "favourite": "1",
    }
    set_aliases(place, "shop", {"champion": "1", "previous": "2", "challenger": "77"})
    assert aliases(place, "shop") == {"champion": "1", "previous": "2", "favourite": "1"}


def test_a_scenario_without_a_registered_model_has_no_aliases(place: TrackingPlace) -> None:
    set_aliases(place, "nothing", {"champion": "1"})
    assert aliases(place, "nothing") == {}


def test_a_retired_version_says_who_retired_it_until_the_mark_is_taken_back(
    place: TrackingPlace,
) -> None:
    mark_retired(place, read_version(place, "shop", "3"), "2026-11-28, ada@host: superseded")
    retired = read_version(place, "shop", "3")
    with pytest.raises(RetiredModel, match="ada@host: superseded") as error:
        check_not_retired(retired)
    assert error.value.exit_code == 4
    unmark_retired(place, retired)
    check_not_retired(read_version(place, "shop", "3"))


def test_files_are_logged_with_the_run_of_the_version(place: TrackingPlace, tmp_path: Path) -> None:
    (tmp_path / "gates.json").write_text("{}")
    uri = log_files(
        place, read_version(place, "shop", "1"), [tmp_path / "gates.json"], folder="gates"
    )
    assert uri.endswith("/artifacts/gates")
    assert (Path(uri.removeprefix("file://")) / "gates.json").read_text() == "{}"
