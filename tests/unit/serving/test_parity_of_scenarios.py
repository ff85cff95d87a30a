"""Churn's and fraud's versions of several formats: one score by every way, and on a device."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

import msgspec
import numpy as np
import numpy.typing as npt
import pytest
from fastapi.testclient import TestClient

from batch.exchange.foreign import foreign_model
from batch.exchange.imported import stored_and_checked
from models.fast.quick_scores import quick_scores
from models.formats.format import model_format
from models.formats.onnx_writer import onnx_of
from models.scoring_model import ScoringModel
from models.training.fitting import reproducible_fitting
from scenarios.churn.scenario import SCENARIO as CHURN
from scenarios.contract.judge import Judge
from scenarios.contract.probe_set import probe_rows
from scenarios.contract.readable_columns import categories
from scenarios.contract.scenario import Scenario
from scenarios.fraud.scenario import SCENARIO as FRAUD
from serving.device.package import TOLERANCE, Deployed, package_of
from stores.records.deployments import ModelPointer
from tests.support.tiny_archive import MemoryTable
from tests.support.tiny_scoring import (
    MemoryRecords,
    PlacedProducer,
    in_use,
    score_now,
    scoring_app,
)
from tests.unit.models.formats.foreign_files import PARTICULARS

Floats = npt.NDArray[np.float64]

SCENARIOS = {"churn": CHURN, "fraud": FRAUD}


@dataclass(frozen=True)
class Version:
    """A stored version of one scenario, loaded as a worker loads it."""

    scenario: Scenario
    model: ScoringModel


@cache
def training_rows(name: str) -> tuple[Floats, npt.NDArray[np.int64]]:
    """1,024 rows like the probe set's, exact in float32, and outcomes that follow two columns."""
    scenario, random = SCENARIOS[name], np.random.default_rng(7)
    probe = probe_rows(scenario)
    rows = probe[random.integers(0, len(probe), 1_024)]
    ranks = np.argsort(np.argsort(np.nan_to_num(rows[:, :2]), axis=0), axis=0).sum(axis=1)
    outcomes = (ranks + random.normal(0, 300, len(rows)) > np.median(ranks)).astype(np.int64)
    return rows, outcomes


def skops_file(name: str) -> bytes:
    """The model that the scenario itself trains: calibrated trees."""
    with reproducible_fitting():
        estimator = SCENARIOS[name].estimator(3).fit(*training_rows(name))
    return model_format("skops").write(estimator)


def xgboost_file(name: str) -> bytes:
    """Boosted trees of XGBoost."""
    import xgboost

    rows, outcomes = training_rows(name)
    names = list(SCENARIOS[name].feature_names)
    data = xgboost.DMatrix(rows.astype(np.float32), outcomes, feature_names=names, nthread=1)
    parameters = {"objective": "binary:logistic", "max_depth": 3, "nthread": 1, "seed": 1}
    return bytes(xgboost.train(parameters, data, num_boost_round=20).save_raw("json"))


def onnx_file(name: str) -> bytes:
    """LightGBM's trees as a graph."""
    import lightgbm

    names = SCENARIOS[name].feature_names
    data = lightgbm.Dataset(*training_rows(name), feature_name=list(names))
    parameters = {"objective": "binary", "num_threads": 1, "verbosity": -1, "seed": 1}
    booster = lightgbm.train(parameters, data, num_boost_round=20)
    return onnx_of(booster, feature_names=names)


FILES: Mapping[str, tuple[str, Callable[[str], bytes]]] = {
    "skops": ("m.skops", skops_file),
    "xgboost": ("m.json", xgboost_file),
    "onnx": ("m.onnx", onnx_file),
}


@pytest.fixture(scope="module", params=[(s, f) for s in SCENARIOS for f in FILES], ids=str)
def version(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Version:
    name, format_name = request.param
    scenario = SCENARIOS[name]
    folder: Path = tmp_path_factory.mktemp(f"{name}-{format_name}")
    file_name, content = FILES[format_name]
    file = folder / file_name
    file.write_bytes(content(name))
    probe = probe_rows(scenario)
    foreign = foreign_model(file, probe, scenario.feature_names, trusts_pickle=False)
    checked = stored_and_checked(
        folder / "stored", foreign, scenario, probe, particulars=PARTICULARS
    )
    return Version(scenario, replace(checked.model, quick=quick_scores(checked.model)))


def rows_with_words(scenario: Scenario) -> Floats:
    """The probe rows whose codes have a category: others have no words for reasons."""
    rows = probe_rows(scenario)
    is_readable = np.ones(len(rows), dtype=np.bool_)
    for feature, names in categories(scenario).items():
        is_readable &= ~(rows[:, scenario.feature_names.index(feature)] >= len(names))
    return rows[is_readable]


def scores_over_http(version: Version, rows: Floats) -> Mapping[str, Floats]:
    scenario = version.scenario
    deployed = {
        "scenario": scenario.name,
        "thresholds": scenario.policy.thresholds(),
        "policy_version": scenario.policy.version,
    }
    scorer = score_now(in_use(version.model, **deployed), MemoryTable({}), scenario=scenario)
    app = scoring_app(scorer, MemoryRecords(), PlacedProducer(), now_ms=1_767_225_600_000)
    client, names = TestClient(app), scenario.feature_names
    listed = [[None if np.isnan(value) else value for value in row] for row in rows.tolist()]
    tensor = {"name": "features", "datatype": "FP64", "shape": list(rows.shape), "data": listed}
    bodies = {
        f"/v1/{scenario.name}/verdicts": {"columns": names, "rows": listed},
        f"/v2/models/{scenario.name}/infer": {"inputs": [tensor]},
        "/invocations": {"dataframe_split": {"columns": names, "data": listed}},
    }
    answers = {}
    for path, body in bodies.items():
        response = client.post(path, content=msgspec.json.encode(body))
        assert response.status_code == 200, response.text[:500]
        answers[path] = response.json()
    v1, v2, mlflow = answers.values()
    return {
        "v1": np.array([verdict["score"] for verdict in v1["verdicts"]]),
        "v2": np.array(v2["outputs"][0]["data"]),
        "mlflow": np.array([case["score"] for case in mlflow["predictions"]]),
    }


def test_stream_batch_and_http_give_the_same_bits(version: Version) -> None:
    rows = rows_with_words(version.scenario)
    assert len(rows) > 200
    # The stream and batch scoring call this judge; the quick way is the stream's.
    stream, failed = Judge(version.scenario).scores(rows, version.model)
    assert failed == []
    assert stream.tobytes() == replace(version.model, quick=None).scores(rows).tobytes()
    assert len(set(stream.tolist())) > 20
    for way, scores in scores_over_http(version, rows).items():
        assert scores.tobytes() == stream.tobytes(), way


def test_its_graph_scores_on_a_device_as_the_judge_does(version: Version) -> None:
    pointer = ModelPointer(
        name=version.model.name, version=version.model.version, artifact_uri="", sha256=""
    )
    thresholds = version.scenario.policy.thresholds()
    deployed = Deployed(pointer=pointer, model=version.model, thresholds=thresholds)
    package = package_of(version.scenario, deployed)  # raises when one golden case differs
    assert package.content["golden"]["tolerance"] == TOLERANCE
    assert len(package.content["golden"]["verdicts"]) > 400
