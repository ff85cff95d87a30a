"""Stream, batch, REST, Open Inference Protocol and MLflow give the same bits for the same rows."""

from dataclasses import replace
from typing import Any

import msgspec
import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pytest
from fastapi.testclient import TestClient

from batch.scoring.scorer import StateScorer
from scenarios.contract.judge import Judge
from scenarios.contract.probe_set import ROWS, probe_rows
from tests.scenarios.tiny import SCENARIO
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

Floats = npt.NDArray[np.float64]

NAMES = SCENARIO.feature_names
MODE = NAMES.index("mode")


@pytest.fixture(scope="module")
def client() -> TestClient:
    records = MemoryRecords(tiny_epoch(), table=played(loaded_model(), [60]).table)
    scorer = score_now(in_use(loaded_model()), records.table)
    return TestClient(scoring_app(scorer, records, PlacedProducer(), now_ms=ARRIVED_MS))


def rest_scores(client: TestClient, rows: Floats) -> dict[str, list[float]]:
    """The scores of each way over HTTP."""
    listed = [[None if np.isnan(value) else value for value in row] for row in rows.tolist()]
    v1 = answer(client, "/v1/tiny/verdicts", {"columns": NAMES, "rows": listed})
    tensor = {"name": "features", "datatype": "FP64", "shape": list(rows.shape), "data": listed}
    v2 = answer(client, "/v2/models/tiny/infer", {"inputs": [tensor]})
    split = {"columns": NAMES, "data": listed}
    mlflow = answer(client, "/invocations", {"dataframe_split": split})
    return {
        "v1": [verdict["score"] for verdict in v1["verdicts"]],
        "v2": v2["outputs"][0]["data"],
        "mlflow": [case["score"] for case in mlflow["predictions"]],
    }


def answer(client: TestClient, path: str, body: Any) -> Any:
    response = client.post(path, content=msgspec.json.encode(body))
    assert response.status_code == 200, response.text
    return response.json()


def test_all_ways_agree_on_the_frozen_probe_set(client: TestClient) -> None:
    rows = probe_rows(SCENARIO)
    model = loaded_model()
    plain = replace(model, quick=None).scores(rows)
    stream, failed = Judge(SCENARIO).scores(rows, model)
    assert len(rows) == ROWS
    assert failed == []
    assert stream.tobytes() == plain.tobytes()
    # Codes beyond the categories have no words for reasons; scores alone exist of them.
    is_known = ~(rows[:, MODE] > 2)
    for way, scores in rest_scores(client, rows[is_known]).items():
        assert np.array(scores).tobytes() == stream[is_known].tobytes(), way
    assert is_known.sum() > 400


def test_all_ways_agree_on_what_the_stream_has_logged(client: TestClient) -> None:
    outcome = played(loaded_model(), [60])
    messages = [
        msgspec.json.decode(message["value"])
        for _, message in sorted(outcome.messages.items())
        if message["topic"] == "tiny.predictions"
    ]
    logged = [message for message in messages if "score" in message]
    features = [[np.nan if v is None else v for v in message["features"]] for message in logged]
    expected = [message["score"] for message in logged]
    for way, scores in rest_scores(client, np.array(features, dtype=np.float64)).items():
        assert scores == expected, way
    newest = {message["entity"]: message["score"] for message in logged}
    scorer = StateScorer(
        scenario_name="tiny",
        module="tests.scenarios.tiny",
        model=loaded_model(),
        thresholds=SCENARIO.policy.thresholds(),
    )
    states = outcome.states
    batch = pa.RecordBatch.from_pydict(
        {
            "entity": list(states),
            "position": [0] * len(states),
            "cell": pa.array(list(states.values()), pa.binary()),
        }
    )
    scored = scorer.scored(batch)
    assert dict(zip(scored.entities, scored.verdicts.scores.tolist(), strict=True)) == newest
