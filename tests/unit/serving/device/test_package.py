"""What a device gets: a graph that scores as the judge does, and rules as data."""

from dataclasses import replace

import numpy as np
import pytest

from models.scoring_model import Matrix
from scenarios.contract.probe_set import ROWS
from serving.device.package import Deployed, NotForDevices, Packages, package_of
from tests.scenarios.tiny import SCENARIO


def test_the_package_holds_all_that_decides(deployed: Deployed) -> None:
    package = package_of(SCENARIO, deployed)
    model, policy = package.content["model"], package.content["policy"]
    assert (model["name"], model["version"]) == ("everscore-tiny", "1")
    assert model["columns"] == list(SCENARIO.feature_names)
    assert (model["sha256"], model["bytes"]) == (package.graph_sha256, len(package.graph))
    mode = package.content["features"][1]
    assert (mode["name"], mode["categories"]) == ("mode", ("idle", "normal", "boost"))
    temperature = package.content["features"][0]
    assert (temperature["minimum"], temperature["maximum"]) == (-50.0, 300.0)
    assert package.content["required_feature"] == "temperature_c"
    assert policy["bands"][1] == {"name": "hot", "lowest_score": 0.5}
    assert policy["rules"][0]["when"] == [
        {"feature": "temperature_c", "at_least": 100.0, "below": None}
    ]
    assert policy["valid_seconds"] == 86_400.0


def test_golden_cases_have_all_bands_and_missing_values(deployed: Deployed) -> None:
    golden = package_of(SCENARIO, deployed).content["golden"]
    assert len(golden["verdicts"]) == len(golden["features"]) == ROWS
    assert {verdict["action"] for verdict in golden["verdicts"]} == {
        "stop at once",
        "inspect",
        "none",
    }
    values = np.array(golden["features"], dtype=np.float64)  # None becomes NaN
    assert np.isnan(values).any()
    exact = values[~np.isnan(values)]
    assert (exact == exact.astype(np.float32)).all()


def test_a_package_is_made_once_and_again_for_other_thresholds(deployed: Deployed) -> None:
    now = [deployed]
    packages = Packages(SCENARIO, lambda: now[0])
    first = packages.current()
    assert packages.current() is first
    now[0] = replace(deployed, thresholds={"ok": 0.0, "hot": 0.7})
    second = packages.current()
    assert second.graph_sha256 == first.graph_sha256
    assert second.id != first.id
    # Every process of the service gives the same package its name.
    now[0] = deployed
    assert packages.current().id == first.id
    assert packages.current() is not first


class _Constant:
    """Gives every case the same score."""

    def scores(self, features: Matrix) -> Matrix:
        return np.full(len(features), 0.51)


def test_a_graph_that_scores_otherwise_is_refused(deployed: Deployed) -> None:
    other = replace(deployed, model=replace(deployed.model, quick=_Constant()))
    with pytest.raises(NotForDevices, match=r"everscore-tiny version 1 and its graph score diff"):
        package_of(SCENARIO, other)
