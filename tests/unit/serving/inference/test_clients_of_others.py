"""Unmodified clients of others: tritonclient, mlflow.deployments, MLflow's own client."""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import msgspec
import numpy as np
import pandas as pd
import pytest
import requests
import tritonclient.http as triton
from mlflow.deployments import get_deploy_client
from mlflow.pyfunc.scoring_server.client import ScoringServerClient
from tritonclient.utils import InferenceServerException

from scenarios.contract.probe_set import probe_rows
from tests.scenarios.tiny import SCENARIO
from tests.support.desk import listening
from tests.support.tiny_pass import ARRIVED_MS, played
from tests.support.tiny_scoring import (
    MemoryRecords,
    PlacedProducer,
    in_use,
    loaded_model,
    score_now,
    scoring_app,
    tiny_epoch,
)

NAMES = SCENARIO.feature_names


@dataclass
class Served:
    address: str
    records: MemoryRecords

    @property
    def triton(self) -> triton.InferenceServerClient:
        return triton.InferenceServerClient(self.address)

    def row(self, entity: str) -> dict[str, Any]:
        row: dict[str, Any] = msgspec.json.decode(self.records.table.rows[entity])
        return row


@pytest.fixture(scope="module")
def served() -> Iterator[Served]:
    records = MemoryRecords(tiny_epoch(), table=played(loaded_model(), [60]).table)
    scorer = score_now(in_use(loaded_model(), retired=("9",)), records.table)
    with listening(scoring_app(scorer, records, PlacedProducer(), now_ms=ARRIVED_MS)) as address:
        yield Served(address.removeprefix("http://"), records)


def features(rows: Any, *, binary: bool = True) -> Any:
    tensor = triton.InferInput("features", list(rows.shape), "FP64")
    return tensor.set_data_from_numpy(rows, binary_data=binary)


def entities(*names: str, binary: bool = True) -> Any:
    tensor = triton.InferInput("entity", [len(names)], "BYTES")
    return tensor.set_data_from_numpy(np.array(names, dtype=object), binary_data=binary)


def test_triton_reads_what_the_model_is(served: Served) -> None:
    client = served.triton
    assert client.get_server_metadata()["extensions"] == ["binary_tensor_data"]
    metadata = client.get_model_metadata("tiny")
    assert (metadata["name"], metadata["versions"]) == ("tiny", ["1"])
    assert {tensor["name"] for tensor in metadata["inputs"]} == {*NAMES, "features", "entity"}
    assert client.is_model_ready("tiny")
    assert client.is_model_ready("tiny", "1")
    assert not client.is_model_ready("tiny", "2")
    assert not client.is_model_ready("tiny", "9")
    assert not client.is_model_ready("another")


@pytest.mark.parametrize("binary", [True, False])
def test_triton_scores_feature_rows(served: Served, binary: bool) -> None:
    rows = probe_rows(SCENARIO)
    if not binary:
        rows = rows[~np.isnan(rows).any(axis=1)]
    expected = loaded_model().scores(rows)
    judged = served.triton.infer("tiny", [features(rows[:20], binary=binary)], request_id="r-1")
    assert judged.as_numpy("score").tobytes() == expected[:20].tobytes()
    assert judged.get_response()["model_version"] == "1"
    assert judged.get_response()["id"] == "r-1"
    assert judged.get_response()["parameters"]["what_if"] is True


def test_triton_scores_a_tensor_per_feature_and_gives_chosen_outputs(served: Served) -> None:
    rows = probe_rows(SCENARIO)[:16]
    inputs = []
    for column, name in enumerate(NAMES):
        if name == "mode":
            tensor = triton.InferInput(name, [16], "BYTES")
            modes = [("idle", "normal", "boost")[int(code)] for code in rows[:, column]]
            tensor.set_data_from_numpy(np.array(modes, dtype=object))
        else:
            tensor = triton.InferInput(name, [16, 1], "FP32")
            tensor.set_data_from_numpy(rows[:, column : column + 1].astype(np.float32))
        inputs.append(tensor)
    outputs = [
        triton.InferRequestedOutput("score", binary_data=False),
        triton.InferRequestedOutput("band", binary_data=True),
        triton.InferRequestedOutput("review"),
    ]
    answer = served.triton.infer("tiny", inputs, model_version="1", outputs=outputs)
    expected = loaded_model().scores(rows.astype(np.float32).astype(np.float64))
    assert answer.as_numpy("score").tolist() == expected.tolist()
    assert set(answer.as_numpy("band").tolist()) <= {b"ok", b"hot"}
    assert answer.as_numpy("review").dtype == np.bool_
    assert answer.get_output("action") is None


@pytest.mark.parametrize("binary", [True, False])
def test_triton_reads_the_latest_row_of_an_entity(served: Served, binary: bool) -> None:
    row = served.row("machine 4")
    answer = served.triton.infer("tiny", [entities("machine 4", binary=binary)])
    response = answer.get_response()
    assert response["id"] == row["prediction_id"]
    assert response["model_version"] == row["model"]["version"]
    assert answer.as_numpy("score").tolist() == [row["score"]]
    assert msgspec.json.decode(response["parameters"]["reasons"]) == [row["reasons"]]
    assert response["parameters"]["age_seconds"] >= 0
    many = served.triton.infer("tiny", [entities("machine 4", "machine 2", "machine 4")])
    scores = [served.row(name)["score"] for name in ("machine 4", "machine 2", "machine 4")]
    assert many.as_numpy("score").tolist() == scores


@pytest.mark.parametrize(
    ("model", "version", "inputs", "words"),
    [
        ("another", "", lambda: [entities("machine 4")], "there is: tiny"),
        ("tiny", "7", lambda: [features(np.zeros((1, 8)))], "no version"),
        ("tiny", "9", lambda: [features(np.zeros((1, 8)))], "retired"),
        ("tiny", "", lambda: [entities("nobody")], "no prediction yet"),
        ("tiny", "", lambda: [features(np.zeros((1, 3)))], "shape"),
        ("tiny", "", lambda: [features(np.full((1, 8), math.inf))], "infinite"),
        ("tiny", "", lambda: [features(np.full((1, 8), math.nan))], "awaiting_temperature_c"),
        ("tiny", "", lambda: [entities("machine 4"), features(np.zeros((1, 8)))], "alone"),
    ],
)
def test_triton_is_told_why_it_is_refused(
    served: Served, model: str, version: str, inputs: Any, words: str
) -> None:
    with pytest.raises(InferenceServerException, match=words):
        served.triton.infer(model, inputs(), model_version=version)


@pytest.mark.parametrize(
    ("header", "body"),
    [
        (None, b""),
        (None, b"[" * 10_000),
        (None, b'{"inputs":[]}'),
        (None, b'{"inputs":[{"name":"features","datatype":"FP64","shape":[2,2],"data":[1]}]}'),
        (None, b'{"inputs":[{"name":"features","datatype":"X","shape":[1,8],"data":[]}]}'),
        (None, b'{"inputs":[{"name":"features","datatype":"FP64","shape":[-1,8],"data":[]}]}'),
        (None, b'{"inputs":[{"name":"entity","datatype":"BYTES","shape":[1],"data":[7]}]}'),
        (None, b'{"inputs":[{"name":"readings","datatype":"INT8","shape":[1],"data":["x"]}]}'),
        ("99", b'{"inputs":[]}'),
        ("-1", b'{"inputs":[]}'),
        ("13", b'{"inputs":[]}tail'),
        ("x", b'{"inputs":[]}'),
    ],
)
def test_malformed_tensors_are_refused(served: Served, header: str | None, body: bytes) -> None:
    headers = {} if header is None else {"Inference-Header-Content-Length": header}
    answer = requests.post(
        f"http://{served.address}/v2/models/tiny/infer", data=body, headers=headers, timeout=10
    )
    assert answer.status_code in (400, 422), answer.text
    assert answer.json()["error"]


def frame(rows: Any) -> pd.DataFrame:
    return pd.DataFrame(rows, columns=list(NAMES))


def test_mlflows_clients_score_all_four_forms(served: Served) -> None:
    rows = probe_rows(SCENARIO)[:12]
    expected = loaded_model().scores(rows).tolist()
    client = get_deploy_client(f"http://{served.address}")
    complete = frame(rows).to_dict(orient="split", index=False)
    forms = {
        "dataframe_split": complete,
        "dataframe_records": frame(rows).to_dict(orient="records"),
        "instances": rows.tolist(),
        "inputs": {name: rows[:, column].tolist() for column, name in enumerate(NAMES)},
    }
    for form, content in forms.items():
        answer = client.predict(endpoint="tiny", inputs={form: content})
        assert [case["score"] for case in answer["predictions"]] == expected, form
    host, port = served.address.split(":")
    own_client = ScoringServerClient(host, port)
    for data in (frame(rows), rows):
        predictions = own_client.invoke(data).get_predictions()
        assert predictions["score"].tolist() == expected
        assert set(predictions["model_version"]) == {"1"}


def test_a_missing_value_may_be_null_or_nan(served: Served) -> None:
    rows = probe_rows(SCENARIO)
    incomplete = rows[np.isnan(rows).any(axis=1) & (rows[:, NAMES.index("mode")] <= 2)][:5]
    expected = loaded_model().scores(incomplete).tolist()
    host, port = served.address.split(":")
    for data in (frame(incomplete), incomplete):
        predictions = ScoringServerClient(host, port).invoke(data).get_predictions()
        assert predictions["score"].tolist() == expected


def test_entities_are_read_as_mlflow_records(served: Served) -> None:
    body = '{"dataframe_records": [{"entity": "machine 4"}], "params": {"scenario": "tiny"}}'
    headers = {"Content-Type": "application/json"}  # as curl in MLflow's documentation
    url = f"http://{served.address}/invocations"
    answer = requests.post(url, data=body, headers=headers, timeout=10).json()
    (case,) = answer["predictions"]
    assert case["prediction_id"] == served.row("machine 4")["prediction_id"]


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ("", 400),
        ("{}", 400),
        ('{"inputs": [[1]], "instances": [[1]]}', 400),
        ('{"inputs": [[1, 2]]}', 422),
        ('{"inputs": 7}', 400),
        ('{"dataframe_split": {"columns": [1], "data": []}}', 400),
        ('{"dataframe_records": []}', 400),
        ('{"dataframe_records": [{"entity": 7}]}', 422),
        ('{"dataframe_records": [{"entity": "nobody"}]}', 404),
        ('{"dataframe_records": [{"colour": 7}]}', 422),
        ('{"inputs": {"mode": [1, 2], "heat": [1]}}', 422),
        ('{"inputs": [[1]], "params": {"scenario": "another"}}', 404),
        ('{"inputs": [[1]], "params": {"version": 7}}', 422),
        ('{"inputs": [[1]], "params": {"version": "7"}}', 404),
        ('{"inputs": [[1]], "params": []}', 400),
        ("[" * 10_000, 400),
    ],
)
def test_malformed_invocations_are_refused(served: Served, body: str, status: int) -> None:
    answer = requests.post(f"http://{served.address}/invocations", data=body, timeout=10)
    assert answer.status_code == status, answer.text
    assert {"error_code", "message"} <= answer.json().keys()
